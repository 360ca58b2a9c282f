// What is announced while a server starts and stops is queued as well: of real servers, alone, as workers and over Redis.
import { afterEach, expect, test, vi } from 'vitest';
import { RedisTracker } from '../../src/adapters/redis/tracker.ts';
import { requestErrors } from '../../src/protocol/errors.ts';
import { channelPair, startPrimary, type TestPrimary } from '../adapters/support/ipc-worker.ts';
import { connect } from '../support/client.ts';
import { startRedis } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { inWords, type Receiver, startReceiver } from './support/receiver.ts';

afterEach(() => void vi.restoreAllMocks());

const app = ({ url }: Receiver, more: object = {}) => ({ webhooks: [{ url, vacatedDelayMs: 0, ...more }] });

function attach({ primary }: TestPrimary) {
  const [channel, primarySide] = channelPair();
  primary.attach(primarySide);
  return channel;
}

test('a worker tells of the sockets of one that died before there was another', async () => {
  await using receiver = await startReceiver();
  await using primary = await startPrimary();
  const dying = await primary.worker();
  const announce = { topic: 'app-id/presence-a', frame: Buffer.from('') };
  const presence = { member: { userId: '7', info: 'null' }, limit: 10, announce };
  await dying.tracker.join({ appId: 'app-id', channel: 'presence-a', socketId: '1.1', users: ['7'], presence });
  await dying.die();
  await using _ = await startServer(app(receiver), { primary: attach(primary) });
  expect((await receiver.events(2)).map(inWords)).toEqual([
    'member_removed presence-a 7',
    'channel_vacated presence-a',
  ]);
});

test('workers that stop at once deliver what all of them have to tell', async () => {
  await using receiver = await startReceiver();
  await using primary = await startPrimary();
  const settings = app(receiver, { events: ['connection_opened', 'connection_closed'] });
  await using first = await startServer(settings, { primary: attach(primary) });
  await first.line(({ msg }) => msg === 'this server delivers webhooks');
  await using second = await startServer(settings, { primary: attach(primary) });
  const clients = await Promise.all(Array.from({ length: 5 }, () => connect(second)));
  await receiver.events(5);
  await Promise.all([first.stop(), second.stop()]);
  const closed = receiver.all().filter(({ name }) => name === 'connection_closed');
  expect(closed.map(({ socket_id }) => socket_id).toSorted()).toEqual(
    clients.map(({ socketId }) => socketId).toSorted(),
  );
  for (const client of clients) await client[Symbol.asyncDispose]();
});

test('over Redis, what a server lets go of at its very end is queued, and delivered by another', async () => {
  await using redis = await startRedis();
  await using receiver = await startReceiver();
  const config = { adapter: 'redis', redis: redis.settings() } as const;
  await using server = await startServer(app(receiver), config);
  await using ada = await connect(server);
  await ada.joined('presence-a', { user_id: '7' });
  await receiver.events(2);
  // As when Redis is away just then.
  vi.spyOn(RedisTracker.prototype, 'leave').mockRejectedValueOnce(requestErrors.unavailable());
  await server.stop();
  await using _ = await startServer(app(receiver), config);
  const words = (await receiver.events(4)).map(inWords);
  expect(words.slice(2)).toEqual(['member_removed presence-a 7', 'channel_vacated presence-a']);
  await ada.closed;
});
