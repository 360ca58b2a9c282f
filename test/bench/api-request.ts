// Requests to the HTTP API, signed as Pusher's libraries sign them.
import { createHmac, hash } from 'node:crypto';
import { channelName, EVENT, eventData, PAYLOAD_BYTES } from './event.ts';
import { authority, type Server } from './target.ts';

/** The bytes of one POST, for a connection that stays open. Everything in it is ASCII. */
export function signedPost(server: Server, resource: string, body: string): string {
  const target = signed(server, 'POST', `/apps/${server.app.id}/${resource}`, `&body_md5=${hash('md5', body)}`);
  return (
    `POST ${target} HTTP/1.1\r\nHost: ${authority(server)}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** What a request to the path is made to: with the signature. @param rest of the query, in the order of the alphabet */
export function signed({ app }: Server, method: 'GET' | 'POST', path: string, rest = ''): string {
  const seconds = Math.floor(Date.now() / 1000);
  const query = `auth_key=${app.key}&auth_timestamp=${seconds}&auth_version=1.0${rest}`;
  const signature = createHmac('sha256', app.secret).update(`${method}\n${path}\n${query}`).digest('hex');
  return `${path}?${query}&auth_signature=${signature}`;
}

/** One event to one or more channels. @param bytes of data */
export function trigger(
  server: Server,
  channels: readonly number[],
  number: number,
  dueUs: number,
  bytes = PAYLOAD_BYTES,
): string {
  const names = channels.map((index) => channelName(index));
  const data = eventData(number, dueUs, bytes);
  return signedPost(server, 'events', JSON.stringify({ name: EVENT, channels: names, data }));
}

/** One event to each of the channels, in one request. */
export function triggerBatch(server: Server, channels: readonly number[], number: number, dueUs: number): string {
  const data = eventData(number, dueUs);
  const batch = channels.map((index) => ({ name: EVENT, channel: channelName(index), data }));
  return signedPost(server, 'batch_events', JSON.stringify({ batch }));
}
