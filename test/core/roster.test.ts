// What sockets of a node know of a presence channel, and how they are told what was lost on its way.
import { describe, expect, test } from 'vitest';
import { Hub } from '../../src/core/hub.ts';
import type { Broker, Member } from '../../src/core/ports.ts';
import { Roster } from '../../src/core/roster.ts';
import { Subscription } from '../../src/core/subscription.ts';
import { frameText, textFrame } from '../../src/protocol/frame.ts';
import { memberAdded, memberRemoved } from '../../src/protocol/server-message.ts';
import { words } from './support/client.ts';

const ROOM = 'presence-room';
const TOPIC = `app/c/${ROOM}`;
const members = (...ids: string[]): Member[] => ids.map((userId) => ({ userId, info: '{}' }));
const added = (id: string) => memberAdded(ROOM, id, '{}');
const removed = (id: string) => memberRemoved(ROOM, id);
const inWords = (frames: readonly Buffer[]) => frames.map((frame) => words(frameText(frame)));
const ADDED = (id: string) => `pusher_internal:member_added ${ROOM} {"user_id":"${id}","user_info":{}}`;
const REMOVED = (id: string) => `pusher_internal:member_removed ${ROOM} {"user_id":"${id}"}`;

describe('a roster', () => {
  test('follows the announcements, and corrects to what is true', () => {
    const roster = new Roster();
    roster.know(5, members('a', 'b'));
    roster.heard(6, added('c'));
    roster.heard(7, removed('a'));
    expect(roster.change).toBe(7);
    expect(inWords(roster.correct(ROOM, 9, members('c', 'd')))).toEqual([REMOVED('b'), ADDED('d')]);
    expect(roster.change).toBe(9);
    expect(roster.correct(ROOM, 9, members('d', 'c'))).toEqual([]);
  });

  test('takes announcements that came before its snapshot, unless the snapshot has them', () => {
    const roster = new Roster();
    expect(roster.change).toBe(undefined);
    roster.heard(5, added('a'));
    roster.heard(7, removed('b'));
    roster.know(6, members('a', 'b'));
    expect(roster.change).toBe(7);
    expect(roster.correct(ROOM, 7, members('a'))).toEqual([]);
  });

  test('is that of its first snapshot: a later one is of a socket only', () => {
    const roster = new Roster();
    roster.know(5, members('a'));
    roster.know(9, members('a', 'b'));
    expect(roster.change).toBe(5);
    expect(inWords(roster.correct(ROOM, 9, members('a', 'b')))).toEqual([ADDED('b')]);
  });

  test('is not moved by an old announcement, nor by a frame that is none', () => {
    const roster = new Roster();
    roster.know(5, members('a'));
    roster.heard(5, removed('a'));
    roster.heard(6, textFrame('{"event":"client-x","data":"{}"}'));
    roster.heard(7, textFrame('no json'));
    expect(roster.change).toBe(5);
    expect(roster.correct(ROOM, 8, members('a'))).toEqual([]);
  });

  test.each([1, 125, 126, 70_000])('reads frames of any length: %i', (length) => {
    const roster = new Roster();
    roster.know(1, []);
    const id = 'x'.repeat(length);
    roster.heard(2, added(id));
    expect(roster.correct(ROOM, 2, members(id))).toEqual([]);
  });
});

describe('a hub', () => {
  const broker = { subscribe: async () => {}, unsubscribe: () => {} } as unknown as Broker;
  const listener = () => new Subscription({ socketId: '1.1', send: () => {}, end: () => {}, revoke: () => {} });

  test('keeps rosters of presence channels, as long as somebody listens, where announcements may be lost', async () => {
    const hub = new Hub(broker, true);
    const subscription = listener();
    await hub.add(TOPIC, subscription);
    await hub.add('app/c/news', subscription);
    hub.know(TOPIC, 5, members('a'));
    hub.know('app/c/news', undefined, []);
    hub.know('app/c/nobody', 5, members('a'));
    hub.broadcast(TOPIC, { type: 'frame', frame: added('b'), change: 6 });
    const [entry, ...others] = [...hub.rosters()];
    expect([entry?.[0], entry?.[1].change, others]).toEqual([TOPIC, 6, []]);
    hub.remove(TOPIC, subscription);
    expect([...hub.rosters()]).toEqual([]);
  });

  test('keeps none where nothing can come between', async () => {
    const hub = new Hub(broker);
    await hub.add(TOPIC, listener());
    hub.know(TOPIC, 5, members('a'));
    hub.broadcast(TOPIC, { type: 'frame', frame: added('b'), change: 6 });
    expect([...hub.rosters()]).toEqual([]);
  });
});

describe('a subscription that catches up', () => {
  const frames = [added('b')];
  function subscribed(snapshot?: number): { subscription: Subscription; sent: Buffer[] } {
    const sent: Buffer[] = [];
    const recipient = {
      socketId: '1.1',
      send: (frame: Buffer) => void sent.push(frame),
      end: () => {},
      revoke: () => {},
    };
    const subscription = new Subscription(recipient);
    if (snapshot !== undefined) subscription.release(snapshot);
    return { subscription, sent };
  }

  test('is sent what was lost, and not once more what comes late', () => {
    const { subscription, sent } = subscribed(5);
    expect(subscription.catchUp(6, 9, frames)).toBe(true);
    subscription.send(added('c'), 9);
    subscription.send(added('d'), 10);
    expect(inWords(sent)).toEqual([ADDED('b'), ADDED('d')]);
  });

  test.each([
    ['is joining', undefined],
    ['joined with a later snapshot', 7],
  ])('is not, when it %s', (_, snapshot) => {
    const { subscription, sent } = subscribed(snapshot);
    expect(subscription.catchUp(6, 9, frames)).toBe(false);
    expect(sent).toEqual([]);
  });
});
