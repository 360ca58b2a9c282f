// The name of every key and topic in Redis; pure. What is between braces decides a key's slot in a Redis Cluster: all
// that one script touches has it in common.
import type { Topic } from '../../core/ports.ts';

export interface Keys {
  /** Sorted set: node id → when its lease lapses, in ms of Redis' clock. */
  readonly nodes: string;
  /** Sorted set: id of a node that is being reaped → when another node may take that over. */
  readonly reaping: string;
  /** String: when Redis was found empty, in ms of its clock. */
  readonly began: string;
  /** String: when any node was last heard of, in ms of Redis' clock. */
  readonly heard: string;
  /** Set: the apps a node holds something of. */
  readonly appsOf: (nodeId: string) => string;
  /** Set: what a node holds of an app, as written by holdings.ts. */
  readonly held: (appId: string, nodeId: string) => string;
  /** String: there when the node was taken for dead: it may hold nothing of the app any more. */
  readonly gone: (appId: string, nodeId: string) => string;
  /** Hash: socket id of an open connection → node id. */
  readonly connections: (appId: string) => string;
  /** Hash: occupied channel → "subscriptions users". */
  readonly channels: (appId: string) => string;
  /** Sorted set: names of the occupied channels, by name. */
  readonly names: (appId: string) => string;
  /** Hash: socket id of a subscriber → node id. */
  readonly subscribers: (appId: string, channel: string) => string;
  /** Hash: user id of a presence member → info. */
  readonly members: (appId: string, channel: string) => string;
  /** Hash: user id of a presence member → their connections on the channel. */
  readonly tabs: (appId: string, channel: string) => string;
  /** Hash: occupied presence channel → number of the last change of its members. */
  readonly changes: (appId: string) => string;
  /** String: there while the user may not join the channel. */
  readonly denied: (appId: string, channel: string, userId: string) => string;
  /** Hash: socket id of a signed-in connection of the user → node id. */
  readonly user: (appId: string, userId: string) => string;
  /** String: the last event of a cache channel. */
  readonly cachedEvent: (appId: string, channel: string) => string;
  /** Sorted set: terminations and removals, by when they were published, in ms of Redis' clock. */
  readonly orders: (appId: string) => string;
  /** Hash: node id → what it last reported of itself. */
  readonly reports: string;
  /** Hash: digest, claim and answer of the request with an idempotency key. */
  readonly request: (appId: string, key: string) => string;
  /** List: when each of the last units was admitted. */
  readonly rate: (key: string) => string;
  /** Hash: id of an app of the store → its record. */
  readonly appRecords: string;
  /** Hash: key of an app of the store → the app's id. */
  readonly appOwners: string;
  /** String: another one after every change of an app of the store. */
  readonly appsRevision: string;
  /** The Redis channel where changes of apps are told. */
  readonly appNews: string;
  /** String: id of the queue that delivers webhooks. */
  readonly webhookClaim: string;
  /** Sorted set: app with a queue of webhooks → when it was last told of, in Unix ms. */
  readonly webhookApps: string;
  /** Set: apps whose queue has entries that nobody may have looked for. */
  readonly webhookNews: string;
  /** Stream: webhook events that wait. */
  readonly webhookQueue: (appId: string) => string;
  /** Stream: dead letters. */
  readonly webhookLetters: (appId: string) => string;
  /** Hash: "queue" and "letters" → bytes of what is in those streams. */
  readonly webhookBytes: (appId: string) => string;
  /** List: requests to endpoints, newest first. */
  readonly webhookDeliveries: (appId: string) => string;
  /** The Redis channel of a topic, in the slot of its app's keys, and the way back. */
  readonly topicName: (topic: Topic) => string;
  readonly topicOf: (name: Buffer) => Topic;
}

/** @param db in the names of Redis channels only: Redis keeps keys apart by database, but not messages. */
export function createKeys(prefix: string, db: number): Keys {
  const cluster = `${prefix}{cluster}`;
  const appStore = `${prefix}{app-store}`;
  const app = (appId: string) => `${prefix}{${appId}}`;
  const topics = `${prefix}${db}/`;
  const topicsLength = Buffer.byteLength(topics);
  return {
    nodes: `${cluster}:nodes`,
    reaping: `${cluster}:reaping`,
    began: `${cluster}:began`,
    heard: `${cluster}:heard`,
    appsOf: (nodeId) => `${cluster}:apps:${nodeId}`,
    held: (appId, nodeId) => `${app(appId)}:held:${nodeId}`,
    gone: (appId, nodeId) => `${app(appId)}:gone:${nodeId}`,
    connections: (appId) => `${app(appId)}:connections`,
    channels: (appId) => `${app(appId)}:channels`,
    names: (appId) => `${app(appId)}:names`,
    subscribers: (appId, channel) => `${app(appId)}:subscribers:${channel}`,
    members: (appId, channel) => `${app(appId)}:members:${channel}`,
    tabs: (appId, channel) => `${app(appId)}:tabs:${channel}`,
    changes: (appId) => `${app(appId)}:changes`,
    // With the length, as both names may hold any character.
    denied: (appId, channel, userId) => `${app(appId)}:denied:${channel.length}:${channel}:${userId}`,
    user: (appId, userId) => `${app(appId)}:user:${userId}`,
    cachedEvent: (appId, channel) => `${app(appId)}:cache:${channel}`,
    orders: (appId) => `${app(appId)}:orders`,
    reports: `${cluster}:reports`,
    request: (appId, key) => `${app(appId)}:request:${key}`,
    rate: (key) => `${prefix}rate:${key}`,
    appRecords: `${appStore}:records`,
    appOwners: `${appStore}:owners`,
    appsRevision: `${appStore}:revision`,
    appNews: `${appStore}:news:${db}`,
    webhookClaim: `${cluster}:webhook-claim`,
    webhookApps: `${cluster}:webhook-apps`,
    webhookNews: `${cluster}:webhook-news`,
    webhookQueue: (appId) => `${app(appId)}:webhook-queue`,
    webhookLetters: (appId) => `${app(appId)}:webhook-letters`,
    webhookBytes: (appId) => `${app(appId)}:webhook-bytes`,
    webhookDeliveries: (appId) => `${app(appId)}:webhook-deliveries`,
    topicName: (topic) => topics + inBraces(topic),
    topicOf: (name) => withoutBraces(name.toString('utf8', topicsLength)),
  };
}

/** Around the app's id, which is what comes before the first slash. */
function inBraces(topic: Topic): string {
  const end = topic.indexOf('/');
  return `{${topic.slice(0, end)}}${topic.slice(end)}`;
}

function withoutBraces(text: string): Topic {
  const end = text.indexOf('}');
  return text.slice(1, end) + text.slice(end + 1);
}
