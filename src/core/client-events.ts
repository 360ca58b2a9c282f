// May this socket send this event here? Then publish it to the channel's other subscribers (websocket.md §6).
import { channelKind, serverToUserId } from '../protocol/channel-name.ts';
import type { ClientMessage } from '../protocol/client-message.ts';
import { clientEventErrors } from '../protocol/errors.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { clientEvent } from '../protocol/server-message.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { SlidingWindow } from './sliding-window.ts';
import { channelTopic } from './topics.ts';

type ClientEventMessage = Extract<ClientMessage, { type: 'client-event' }>;

/** @throws ProtocolError, never fatal: the event is dropped. */
export async function relayClientEvent(
  context: Context,
  connection: Connection,
  message: ClientEventMessage,
): Promise<void> {
  check(connection, message);
  const { app, socketId } = connection;
  const { event, channel, data } = message;
  const userId = connection.subscriptions.get(channel)?.member?.userId;
  const frame = clientEvent(event, channel, data, userId);
  await context.broker.publish(channelTopic(app.id, channel), { type: 'frame', frame, except: socketId });
  context.facts.announce({ type: 'client_event', appId: app.id, channel, event, data, socketId, userId });
}

function check(connection: Connection, { event, channel, data }: ClientEventMessage): void {
  const { app } = connection;
  const { limits } = app;
  if (!app.clientEvents) throw clientEventErrors.disabled();
  const anyChannel = app.clientEventsOnPublicChannels && serverToUserId(channel) === undefined;
  if (!anyChannel && !channelKind(channel).clientEvents) throw clientEventErrors.channelType();
  if (!connection.subscriptions.has(channel)) throw clientEventErrors.notMember();
  if (hasMoreCharacters(event, limits.eventNameLength)) throw clientEventErrors.nameTooLong(limits.eventNameLength);
  if (Buffer.byteLength(data) > limits.payloadBytes) throw clientEventErrors.tooLarge(limits.payloadBytes);
  if (limits.clientEventsPerSecond > 0) {
    // Of another limit: the app was changed.
    if (connection.clientEvents?.limit !== limits.clientEventsPerSecond) {
      connection.clientEvents = new SlidingWindow(limits.clientEventsPerSecond);
    }
    if (connection.clientEvents.take(1, performance.now()) > 0) throw clientEventErrors.rate();
  }
}
