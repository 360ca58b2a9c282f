// Apps as configured: the defaults of limits.md, and what is refused.
import { describe, expect, test } from 'vitest';
import { appSchema } from '../../src/core/app.ts';

const least = { id: '3', key: 'key', secret: 'secret' };

test('REC limits §1, websocket §6, §8, §9: the defaults', () => {
  expect(appSchema.parse(least)).toEqual({
    id: '3',
    key: 'key',
    secret: 'secret',
    keys: [],
    enabled: true,
    clientEvents: false,
    clientEventsOnPublicChannels: false,
    subscriptionCount: false,
    watchlists: false,
    signInRequired: false,
    strict: false,
    anyChannelName: false,
    allowedOrigins: ['*'],
    cacheTtlSeconds: 1800,
    webhooks: [],
    limits: {
      connections: 0,
      payloadBytes: 10_240,
      channelsPerEvent: 100,
      batchEvents: 10,
      presenceMembers: 100,
      memberInfoBytes: 2048,
      clientEventsPerSecond: 10,
      eventsPerSecond: 0,
      channelsPerConnection: 0,
      channelNameLength: 200,
      eventNameLength: 200,
    },
  });
});

test('one limit may be set and the others stay', () => {
  const { limits } = appSchema.parse({ ...least, limits: { payloadBytes: 100 } });
  expect(limits).toMatchObject({ payloadBytes: 100, channelsPerEvent: 100 });
});

test('a master key of 32 bytes in base64 is taken', () => {
  const encryptionMasterKey = Buffer.alloc(32, 255).toString('base64');
  expect(appSchema.parse({ ...least, encryptionMasterKey })).toMatchObject({ encryptionMasterKey });
});

describe('refused', () => {
  test.each<[what: string, settings: object, path: string]>([
    ['an unknown key', { clientEvent: true }, ''],
    ['an unknown limit', { limits: { payload: 1 } }, 'limits'],
    ['an id with a slash, which topics are made of', { id: 'a/b' }, 'id'],
    ['an empty id', { id: '' }, 'id'],
    ['a key with a colon, which tokens are made of', { key: 'a:b' }, 'key'],
    ['a key with a line break at its end', { key: 'a\n' }, 'key'],
    ['an empty secret', { secret: '' }, 'secret'],
    ['a secret with a space', { secret: 'a b' }, 'secret'],
    ['no payload at all', { limits: { payloadBytes: 0 } }, 'limits.payloadBytes'],
    ['a broken number', { limits: { payloadBytes: 1.5 } }, 'limits.payloadBytes'],
    ['a negative number', { limits: { connections: -1 } }, 'limits.connections'],
    ['a number as text', { limits: { connections: '5' } }, 'limits.connections'],
    ['a flag as text', { clientEvents: 'yes' }, 'clientEvents'],
    ['an empty origin', { allowedOrigins: [''] }, 'allowedOrigins.0'],
    ['a master key of 31 bytes', { encryptionMasterKey: Buffer.alloc(31).toString('base64') }, 'encryptionMasterKey'],
    ['a master key of 33 bytes', { encryptionMasterKey: Buffer.alloc(33).toString('base64') }, 'encryptionMasterKey'],
    ['a master key that is no base64', { encryptionMasterKey: `${'-'.repeat(43)}=` }, 'encryptionMasterKey'],
    ['a cache without time', { cacheTtlSeconds: 0 }, 'cacheTtlSeconds'],
  ])('%s', (_, settings, path) => {
    const { error } = appSchema.safeParse({ ...least, ...settings });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  test.each(['id', 'key', 'secret'])('no %s: it has no default', (name) => {
    const { error } = appSchema.safeParse({ ...least, [name]: undefined });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([name]);
  });
});
