// Topics and who listens to them on this node.
import { expect, test, vi } from 'vitest';
import { Hub } from '../../src/core/hub.ts';
import type { Broker } from '../../src/core/ports.ts';
import { type Recipient, Subscription } from '../../src/core/subscription.ts';
import type { Ending } from '../../src/protocol/errors.ts';

class Listener implements Recipient {
  readonly socketId: string;
  readonly heard: string[] = [];
  readonly ends: Ending[] = [];
  readonly revoked: string[] = [];

  constructor(socketId: string) {
    this.socketId = socketId;
  }

  send(frame: Buffer): void {
    this.heard.push(frame.toString());
  }

  end(ending: Ending): void {
    this.ends.push(ending);
  }

  revoke(userId: string, channel: string): void {
    this.revoked.push(`${userId} ${channel}`);
  }
}

function setUp() {
  const broker = {
    start: vi.fn(async () => {}),
    stop: vi.fn(async () => {}),
    subscribe: vi.fn(async () => {}),
    unsubscribe: vi.fn(),
    publish: vi.fn(async () => {}),
  } satisfies Broker;
  const listener = (socketId: string) => {
    const recipient = new Listener(socketId);
    const subscription = new Subscription(recipient);
    subscription.release();
    return { recipient, subscription };
  };
  return { broker, hub: new Hub(broker), a: listener('1.1'), b: listener('2.2') };
}

const frame = (text: string, except?: string) => ({ type: 'frame', frame: Buffer.from(text), except }) as const;

test('subscribes at the broker for the first listener, and lets go after the last', async () => {
  const { broker, hub, a, b } = setUp();
  await hub.add('t', a.subscription);
  await hub.add('t', b.subscription);
  expect(broker.subscribe.mock.calls).toEqual([['t']]);
  expect(hub.size).toBe(1);
  hub.remove('t', a.subscription);
  hub.remove('t', a.subscription);
  expect(broker.unsubscribe).not.toHaveBeenCalled();
  hub.remove('t', b.subscription);
  hub.remove('t', b.subscription);
  expect(broker.unsubscribe.mock.calls).toEqual([['t']]);
  expect(hub.size).toBe(0);
});

test('the second listener waits for the first one’s subscription too', async () => {
  const { broker, hub, a, b } = setUp();
  let ready = () => {};
  broker.subscribe.mockReturnValueOnce(new Promise((resolve) => (ready = () => resolve(undefined))));
  const done: string[] = [];
  const adds = [
    hub.add('t', a.subscription).then(() => done.push('a')),
    hub.add('t', b.subscription).then(() => done.push('b')),
  ];
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([]);
  ready();
  await Promise.all(adds);
  expect(done).toEqual(['a', 'b']);
});

test('tries again for the next listener when the broker could not subscribe', async () => {
  const { broker, hub, a, b } = setUp();
  broker.subscribe.mockRejectedValueOnce(new Error('down'));
  await expect(hub.add('t', a.subscription)).rejects.toThrow('down');
  hub.remove('t', a.subscription);
  await hub.add('t', b.subscription);
  expect(broker.subscribe).toHaveBeenCalledTimes(2);
});

test('broadcasts to the listeners of the topic, but not to the excepted socket', async () => {
  const { hub, a, b } = setUp();
  await hub.add('t', a.subscription);
  await hub.add('t', b.subscription);
  hub.broadcast('t', frame('both'));
  hub.broadcast('t', frame('b only', '1.1'));
  hub.broadcast('t', frame('both again', '3.3'));
  hub.broadcast('other', frame('nobody'));
  expect(a.recipient.heard).toEqual(['both', 'both again']);
  expect(b.recipient.heard).toEqual(['both', 'b only', 'both again']);
});

test('ends every listener of a topic that is terminated', async () => {
  const { hub, a, b } = setUp();
  await hub.add('user', a.subscription);
  await hub.add('t', b.subscription);
  hub.broadcast('user', { type: 'terminate' });
  hub.broadcast('nobody', { type: 'terminate' });
  expect(a.recipient.ends).toEqual([{ code: 4009, message: 'You got disconnected by the app.' }]);
  expect(b.recipient.ends).toEqual([]);
});

test('tells the listeners of a user’s topic from which channel the user is removed, and no others', async () => {
  const { hub, a, b } = setUp();
  const recipient = new Listener('3.3');
  await hub.add('user', new Subscription(recipient, { userId: '7' }));
  await hub.add('user', a.subscription);
  await hub.add('t', b.subscription);
  hub.broadcast('user', { type: 'unsubscribe', channel: 'room' });
  hub.broadcast('nobody', { type: 'unsubscribe', channel: 'room' });
  expect([recipient.revoked, a.recipient.revoked, b.recipient.revoked]).toEqual([['7 room'], [], []]);
  expect([recipient.heard, recipient.ends]).toEqual([[], []]);
});

test('a subscription holds frames until it is released, and can hold again', () => {
  const recipient = new Listener('1.1');
  const subscription = new Subscription(recipient);
  subscription.send(Buffer.from('1'));
  subscription.send(Buffer.from('2'));
  expect(recipient.heard).toEqual([]);
  expect(subscription.holds(Buffer.from('2'))).toBe(true);
  expect(subscription.holds(Buffer.from('3'))).toBe(false);
  subscription.release();
  subscription.send(Buffer.from('3'));
  expect(recipient.heard).toEqual(['1', '2', '3']);
  subscription.hold();
  subscription.hold();
  subscription.send(Buffer.from('4'));
  expect(recipient.heard).toEqual(['1', '2', '3']);
  subscription.release();
  subscription.release();
  expect(recipient.heard).toEqual(['1', '2', '3', '4']);
  expect(subscription.holds(Buffer.from('4'))).toBe(false);
});

test('a member’s announcement is passed on unless the snapshot has its change already, held or not', () => {
  const recipient = new Listener('1.1');
  const subscription = new Subscription(recipient);
  subscription.send(Buffer.from('held 4'), 4);
  subscription.send(Buffer.from('held 6'), 6);
  subscription.send(Buffer.from('held event'));
  subscription.release(5);
  subscription.send(Buffer.from('late 5'), 5);
  subscription.send(Buffer.from('late 7'), 7);
  subscription.send(Buffer.from('late event'));
  subscription.hold();
  subscription.release();
  subscription.send(Buffer.from('later 3'), 3);
  expect(recipient.heard).toEqual(['held 6', 'held event', 'late 7', 'late event']);
});

test('broadcasts the number of a change with its frame', async () => {
  const { hub, a } = setUp();
  await hub.add('t', a.subscription);
  a.subscription.release(2);
  hub.broadcast('t', { ...frame('in the snapshot'), change: 2 });
  hub.broadcast('t', { ...frame('after it'), change: 3 });
  expect(a.recipient.heard).toEqual(['after it']);
});
