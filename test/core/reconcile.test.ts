// After a node did not hear the others: its sockets are told what they missed of presence channels, and nobody twice.
import { expect, test } from 'vitest';
import type { Context } from '../../src/core/context.ts';
import { Hub } from '../../src/core/hub.ts';
import type { Broker, Link, Member } from '../../src/core/ports.ts';
import { reconcile } from '../../src/core/reconcile.ts';
import { Subscription } from '../../src/core/subscription.ts';
import { requestErrors } from '../../src/protocol/errors.ts';
import { frameText } from '../../src/protocol/frame.ts';
import { memberAdded } from '../../src/protocol/server-message.ts';
import { Log } from '../support/redis.ts';
import { words } from './support/client.ts';

const ROOM = 'presence-a/c/b';
const TOPIC = `app/c/${ROOM}`;
const members = (...ids: string[]): Member[] => ids.map((userId) => ({ userId, info: '{}' }));
const broker = { subscribe: async () => {}, unsubscribe: () => {} } as unknown as Broker;
type Truth = Awaited<ReturnType<Link['roster']>>;

class Room {
  readonly log = new Log();
  readonly hub = new Hub(broker, true);
  readonly sent: string[] = [];
  readonly ended: number[] = [];
  asked: string[] = [];

  async join(snapshot: number | undefined): Promise<Subscription> {
    const send = (frame: Buffer) => void this.sent.push(words(frameText(frame)));
    const recipient = {
      socketId: '1.1',
      send,
      end: ({ code }: { code: number }) => void this.ended.push(code),
      revoke: () => {},
    };
    const subscription = new Subscription(recipient);
    await this.hub.add(TOPIC, subscription);
    if (snapshot === undefined) return subscription;
    subscription.release(snapshot);
    this.hub.know(TOPIC, snapshot, members('a', 'b'));
    return subscription;
  }

  reconcile(answer: () => Truth | Promise<Truth>): Promise<void> {
    const roster = async (appId: string, channel: string) => {
      this.asked.push(`${appId} ${channel}`);
      return await answer();
    };
    return reconcile({ hub: this.hub, log: this.log.logger } as unknown as Context, { roster } as unknown as Link);
  }
}

const LEFT = `pusher_internal:member_removed ${ROOM} {"user_id":"b"}`;

test('tells the sockets of the node who left and who came, once', async () => {
  const room = new Room();
  await room.join(5);
  await room.join(5);
  await room.reconcile(() => ({ change: 8, members: members('a', 'c') }));
  const came = `pusher_internal:member_added ${ROOM} {"user_id":"c","user_info":{}}`;
  expect(room.sent).toEqual([LEFT, came, LEFT, came]);
  expect(room.asked).toEqual([`app ${ROOM}`]);
  await room.reconcile(() => ({ change: 8, members: members('a', 'c') }));
  expect(room.sent).toHaveLength(4);
  expect(room.ended).toEqual([]);
});

test('asks again when something was announced that the answer does not have', async () => {
  const room = new Room();
  await room.join(5);
  const answers = [
    { change: 4, members: members('b') },
    { change: 8, members: members('a') },
  ];
  await room.reconcile(() => answers.shift() as Truth);
  expect(room.sent).toEqual([LEFT]);
  const old = { change: 1, members: members() };
  await room.reconcile(() => ({ ...old, members: members('x') }));
  expect(room.asked).toHaveLength(7);
  expect(room.sent).toEqual([LEFT]);
});

test('has a socket connect anew that joined in the middle of it, and only that one', async () => {
  const room = new Room();
  await room.join(5);
  await room.join(undefined);
  const late = await room.join(5);
  late.release(7);
  await room.reconcile(() => ({ change: 8, members: members('a') }));
  expect(room.sent).toEqual([LEFT]);
  expect(room.ended).toEqual([4200, 4200]);
});

test('announces nothing where nobody is known, or everybody has gone meanwhile', async () => {
  const room = new Room();
  const subscription = await room.join(5);
  await room.reconcile(() => ({ change: 0, members: [] }));
  await room.reconcile(() => {
    room.hub.remove(TOPIC, subscription);
    return { change: 8, members: members('c') };
  });
  room.hub.broadcast(TOPIC, { type: 'frame', frame: memberAdded(ROOM, 'x', '{}'), change: 9 });
  expect(room.sent).toEqual([]);
});

test('stops silently when the others are away again, and says so of everything else', async () => {
  const room = new Room();
  await room.join(5);
  await room.reconcile(() => Promise.reject(requestErrors.unavailable()));
  expect(room.log.entries).toEqual([]);
  await room.reconcile(() => Promise.reject(new Error('a bug')));
  expect(room.log.entries).toMatchObject([{ level: 50, msg: 'presence could not be compared with what is true' }]);
  expect(room.sent).toEqual([]);
});
