// Names of topics. App ids hold no "/", so no two topics of two apps, or of two kinds, are the same.
import type { Topic } from './ports.ts';

export function channelTopic(appId: string, channel: string): Topic {
  return `${appId}/c/${channel}`;
}

/** Of a channel's topic. */
export function channelOfTopic(topic: Topic): { readonly appId: string; readonly channel: string } {
  const end = topic.indexOf('/c/');
  return { appId: topic.slice(0, end), channel: topic.slice(end + 3) };
}

/** Listened to by every connection of the user: signed in, or joined as that user (websocket.md §10.4). */
export function userTopic(appId: string, userId: string): Topic {
  return `${appId}/u/${userId}`;
}

/** Of the nodes themselves: no app has an id like this. */
export const allNodesTopic: Topic = '*/nodes';

export function nodeTopic(nodeId: string): Topic {
  return `*/node/${nodeId}`;
}

/** Listened to by the connections that have the user on their watchlist. */
export function watchersTopic(appId: string, userId: string): Topic {
  return `${appId}/w/${userId}`;
}
