// The pure parts of the Redis adapters: keys and their slots, the register's entries, and where Redis is.
import { describe, expect, test } from 'vitest';
import type { Holding } from '../../src/adapters/holdings.ts';
import { readHolding, writeHolding } from '../../src/adapters/redis/holdings.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { nameOf, placeOf } from '../../src/adapters/redis/settings.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import { byStreamId } from '../../src/adapters/redis/webhook-forms.ts';
import { awkwardTexts } from './contract/cluster.ts';

describe('keys', () => {
  test('start with the prefix, and those of an app share its slot', () => {
    const keys = createKeys('my:', 2);
    expect(keys.nodes).toBe('my:{cluster}:nodes');
    expect(keys.held('app', 'node-1')).toBe('my:{app}:held:node-1');
    expect(keys.subscribers('app', 'presence-a')).toBe('my:{app}:subscribers:presence-a');
  });

  test('of an app and the names of its topics are in one slot, whatever they are called', () => {
    const keys = createKeys('my:', 0);
    const slot = slotOf('app');
    for (const text of awkwardTexts) {
      const names = [keys.denied('app', text, text), keys.user('app', text), keys.cachedEvent('app', text)];
      names.push(keys.webhookQueue('app'), keys.webhookLetters('app'), keys.webhookDeliveries('app'));
      names.push(keys.tabs('app', text), keys.gone('app', text), keys.topicName(`app/u/${text}`));
      expect(names.map(slotOf)).toEqual(names.map(() => slot));
    }
  });

  test.each(awkwardTexts)('a topic is found again in its name: %j', (text) => {
    const keys = createKeys('präfix:', 0);
    expect(keys.topicOf(Buffer.from(keys.topicName(`app/c/${text}`)))).toBe(`app/c/${text}`);
  });
});

describe('register', () => {
  const some = { appId: 'app', socketId: '1.2' } as const;

  test.each(awkwardTexts)('an entry is what was written, whatever the names: %j', (text) => {
    const holdings: Holding[] = [
      { type: 'connection', ...some },
      { type: 'subscription', ...some, channel: text, member: undefined },
      { type: 'subscription', ...some, channel: 'presence-a', member: { userId: text } },
      { type: 'sign-in', ...some, userId: text },
    ];
    for (const holding of holdings) expect(readHolding('app', writeHolding(holding))).toEqual(holding);
    expect(new Set(holdings.map(writeHolding)).size).toBe(holdings.length);
  });

  test.each(['', 'null', '{}', '[]', '["connection"]', '["connection",1]', '["sign-in","1.2"]', '["other","1.2","x"]'])(
    '%j is no entry',
    (text) => {
      expect(readHolding('app', text)).toBe(undefined);
    },
  );
});

describe('stream ids', () => {
  test('are in the order of their milliseconds, then of their numbers', () => {
    const inOrder = ['9-30', '10-1', '10-2', '10-10', '1700000000000-0'];
    expect(inOrder.toReversed().sort(byStreamId)).toEqual(inOrder);
    expect(['10-2', '9-30', '1700000000000-0', '10-10', '10-1'].sort(byStreamId)).toEqual(inOrder);
  });
});

describe('slot', () => {
  test.each([
    // 0x31c3, the example of the specification; the others are Redis' own answers to CLUSTER KEYSLOT.
    ['123456789', 12739],
    ['foo', 12182],
    ['zwölf', 8140],
    ['user1000', 3443],
    ['{user1000}.following', 3443],
    ['foo{{bar}}zap', 4015],
    ['foo{bar}{zap}', 5061],
    ['foo{}{bar}', 8363],
    ['foo{bar', 15278],
    ['foo}bar{', 11073],
  ])('of %j is the one Redis has', (name, slot) => {
    expect(slotOf(name)).toBe(slot);
  });
});

describe('place', () => {
  const single = { host: 'redis.internal', port: 6380, db: 4, tls: true, password: 'secret' } as const;
  const access = { username: 'me', password: 'secret', db: 0, tls: true } as const;

  test('is one server without more', () => {
    const place = placeOf({ ...single, prefix: 'x' });
    expect(place).toEqual({ type: 'server', ...single });
    expect(nameOf(place)).toBe('rediss://redis.internal:6380/4');
  });

  test.each([
    ['redis://localhost', { host: 'localhost', port: 6379, db: 0, tls: false }, 'redis://localhost:6379/0'],
    ['redis://:p%40ss@h:1/2', { host: 'h', port: 1, db: 2, tls: false, password: 'p@ss' }, 'redis://h:1/2'],
    [
      'rediss://me:pw@h/7',
      { host: 'h', port: 6379, db: 7, tls: true, username: 'me', password: 'pw' },
      'rediss://h:6379/7',
    ],
    ['redis://[::1]:6390', { host: '::1', port: 6390, db: 0, tls: false }, 'redis://[::1]:6390/0'],
  ])('%s wins over the single settings', (url, server, name) => {
    const place = placeOf({ ...single, prefix: 'x', url });
    expect(place).toEqual({ type: 'server', ...server });
    expect(nameOf(place)).toBe(name);
  });

  test('is what Sentinels say, who have passwords of their own', () => {
    const sentinels = ['10.0.0.1:26379', '[::1]:26380'];
    const place = placeOf({
      ...single,
      ...access,
      prefix: 'x',
      sentinels,
      sentinelName: 'main',
      sentinelPassword: 'other',
    });
    expect(place).toEqual({
      type: 'sentinels',
      sentinels: [
        { host: '10.0.0.1', port: 26379 },
        { host: '::1', port: 26380 },
      ],
      name: 'main',
      sentinelPassword: 'other',
      ...access,
    });
    expect(nameOf(place)).toBe('rediss-sentinel://10.0.0.1:26379,[::1]:26380/0#main');
  });

  test('is a Cluster, known by some of its nodes', () => {
    const place = placeOf({ ...single, ...access, prefix: 'x', cluster: ['a:1', 'b:2'] });
    const startNodes = [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ];
    expect(place).toEqual({ type: 'cluster', startNodes, ...access });
    expect(nameOf(place)).toBe('rediss-cluster://a:1,b:2');
  });
});
