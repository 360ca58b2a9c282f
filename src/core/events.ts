// Events from the API: check, encode once, publish (http-api.md §2, §3). Everything is checked before anything is
// published; an event reaches sockets only through the broker, also those of this node.
import type { EventRequest } from '../protocol/api.ts';
import { channelKind, isChannelName } from '../protocol/channel-name.ts';
import { requestErrors } from '../protocol/errors.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { event } from '../protocol/server-message.ts';
import { isSocketId } from '../protocol/socket-id.ts';
import type { App } from './app.ts';
import type { Context } from './context.ts';
import { channelTopic } from './topics.ts';

/**
 * Publishes events in the order given; resolves when all are on their way.
 * @throws RequestError 400, 413 or 429, and then nothing is published.
 */
export async function trigger(context: Context, app: App, events: readonly EventRequest[]): Promise<void> {
  for (const request of events) check(app, request);
  const { eventsPerSecond } = app.limits;
  if (eventsPerSecond > 0) {
    if (events.length > eventsPerSecond) throw requestErrors.batchTooLarge(events.length, eventsPerSecond);
    const retryAfterMs = await context.rateLimiter.take(`${app.id}/events`, events.length, eventsPerSecond);
    if (retryAfterMs > 0) throw requestErrors.rate(retryAfterMs, eventsPerSecond);
  }
  context.traffic.of(app.id).triggered += events.length;
  const published: Promise<void>[] = [];
  for (const { name, data, channels, socketId } of events) {
    for (const channel of channels) {
      if (channelKind(channel).cache) {
        // Kept first: who subscribes from here on finds it, who has subscribed gets the broadcast.
        await context.eventCache.set(app.id, channel, { name, data }, app.cacheTtlSeconds);
      }
      const frame = event(name, channel, data);
      const sent = context.broker.publish(channelTopic(app.id, channel), { type: 'frame', frame, except: socketId });
      // Awaited at the end, perhaps after a cache: a failure until then must not count as unhandled and end the process.
      sent.catch(() => {});
      published.push(sent);
    }
  }
  await Promise.all(published);
}

function check({ limits, anyChannelName }: App, { name, data, channels, socketId }: EventRequest): void {
  if (hasMoreCharacters(name, limits.eventNameLength)) throw requestErrors.eventName(limits.eventNameLength);
  if (name.startsWith('pusher:') || name.startsWith('pusher_internal:')) throw requestErrors.reservedEventName(name);
  if (channels.length > limits.channelsPerEvent) throw requestErrors.tooManyChannels(limits.channelsPerEvent);
  for (const channel of channels) checkChannelName(channel, limits.channelNameLength, anyChannelName);
  if (socketId !== undefined && !isSocketId(socketId)) throw requestErrors.socketId(socketId);
  const bytes = Buffer.byteLength(data);
  if (bytes > limits.payloadBytes) throw requestErrors.dataTooLarge(limits.payloadBytes, bytes, channels[0] ?? '');
}

/** @throws RequestError 400 for a name no channel can have. */
export function checkChannelName(channel: string, maxLength: number, anyCharacter: boolean): void {
  const valid = !hasMoreCharacters(channel, maxLength) && isChannelName(channel, anyCharacter);
  if (!valid) throw requestErrors.channelName(channel);
}
