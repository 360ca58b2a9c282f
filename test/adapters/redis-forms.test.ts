// The pure parts of the Redis adapters: envelopes, keys, the register's entries, and where Redis is.
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/adapters/redis/envelope.ts';
import { type Holding, readHolding, writeHolding } from '../../src/adapters/redis/holdings.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { addressOf, nameOf } from '../../src/adapters/redis/settings.ts';
import { awkwardTexts } from './contract/cluster.ts';

describe('envelope', () => {
  test.each([
    ['frame\nhello', { type: 'frame', frame: Buffer.from('hello') }],
    ['frame\n', { type: 'frame', frame: Buffer.from('') }],
    ['frame 12.34\nline\nbreak', { type: 'frame', frame: Buffer.from('line\nbreak'), except: '12.34' }],
    ['terminate\n', { type: 'terminate' }],
    ['unsubscribe\npresence-ü', { type: 'unsubscribe', channel: 'presence-ü' }],
  ] as const)('%j is what it says', (text, message) => {
    expect(encode(message).toString()).toBe(text);
    expect(decode(Buffer.from(text))).toEqual(message);
  });

  test('what the scripts announce has the number of its change', () => {
    const announced = { type: 'frame', frame: Buffer.from('x'), except: '12.34', change: 1763693222123456 };
    expect(decode(Buffer.from('change 1763693222123456 12.34\nx'))).toEqual(announced);
  });

  test.each(['change 1\nx', 'change x 1.2\nx', 'change 1 \nx', 'change 1 2 3\nx'])('%j is no change', (text) => {
    expect(decode(Buffer.from(text))).toBe(undefined);
  });

  test.each([
    '',
    'frame',
    'frames\nx',
    'FRAME\nx',
    ' frame\nx',
    'terminate',
    'terminate \n',
    '\nframe\n',
    '{}\n',
    'unsubscribe',
    'unsubscribe\n',
    'unsubscribe x\nx',
  ])('%j is no message', (text) => {
    expect(decode(Buffer.from(text))).toBe(undefined);
  });

  test('takes no bytes that are not UTF-8 for a channel', () => {
    expect(decode(Buffer.concat([Buffer.from('unsubscribe\n'), Buffer.from([0xc3])]))).toBe(undefined);
  });

  test('takes no long line for a header', () => {
    expect(decode(Buffer.concat([Buffer.from('frame '), Buffer.alloc(1000, 'x'), Buffer.from('\n')]))).toBe(undefined);
  });
});

describe('keys', () => {
  test('start with the prefix, and those of an app share its slot', () => {
    const keys = createKeys('my:', 2);
    expect(keys.nodes).toBe('my:{cluster}:nodes');
    expect(keys.held('app', 'node-1')).toBe('my:{app}:held:node-1');
    expect(keys.subscribers('app', 'presence-a')).toBe('my:{app}:subscribers:presence-a');
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

describe('address', () => {
  const single = { host: 'redis.internal', port: 6380, db: 4, tls: true, password: 'secret' } as const;

  test('comes from the single settings without a URL', () => {
    expect(addressOf({ ...single, prefix: 'x' })).toEqual(single);
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
  ])('%s wins over them', (url, address, name) => {
    expect(addressOf({ ...single, prefix: 'x', url })).toEqual(address);
    expect(nameOf(addressOf({ ...single, prefix: 'x', url }))).toBe(name);
  });
});
