// Requests to the HTTP API, signed as Pusher's libraries sign them.
import { createHmac, hash } from 'node:crypto';
import { channelName, EVENT, eventData } from './event.ts';
import { authority, type Server } from './target.ts';

/** The bytes of one POST, for a connection that stays open. Everything in it is ASCII. */
export function signedPost(server: Server, resource: string, body: string): string {
  const { app } = server;
  const path = `/apps/${app.id}/${resource}`;
  const seconds = Math.floor(Date.now() / 1000);
  const query = `auth_key=${app.key}&auth_timestamp=${seconds}&auth_version=1.0&body_md5=${hash('md5', body)}`;
  const signature = createHmac('sha256', app.secret).update(`POST\n${path}\n${query}`).digest('hex');
  return (
    `POST ${path}?${query}&auth_signature=${signature} HTTP/1.1\r\nHost: ${authority(server)}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** One event to one or more channels. */
export function trigger(server: Server, channels: readonly number[], number: number, dueUs: number): string {
  const names = channels.map((index) => channelName(index));
  return signedPost(server, 'events', JSON.stringify({ name: EVENT, channels: names, data: eventData(number, dueUs) }));
}

/** One event to each of the channels, in one request. */
export function triggerBatch(server: Server, channels: readonly number[], number: number, dueUs: number): string {
  const data = eventData(number, dueUs);
  const batch = channels.map((index) => ({ name: EVENT, channel: channelName(index), data }));
  return signedPost(server, 'batch_events', JSON.stringify({ batch }));
}
