// Presence channels: who a member is, when others hear of it, and what the room looks like.
import { describe, expect, test } from 'vitest';
import { memberOf, roster } from '../../src/core/presence.ts';
import { createHarness } from './support/harness.ts';

const ROOM = 'presence-room';
const succeeded = (data: string) => `pusher_internal:subscription_succeeded ${ROOM} ${data}`;
const added = (data: string) => `pusher_internal:member_added ${ROOM} ${data}`;
const removed = (id: string) => `pusher_internal:member_removed ${ROOM} {"user_id":${JSON.stringify(id)}}`;

const NO_USER = 'A presence channel needs channel_data with a user_id of 1 to 128 characters, or a signed-in user.';

describe('websocket §7: the acknowledgement lists everyone, the joiner included', () => {
  test.each<[what: string, members: [userId: string, info: string][], data: string]>([
    ['nobody', [], '{"presence":{"count":0,"ids":[],"hash":{}}}'],
    [
      'REC websocket §7: ids are strings, each with its key in hash',
      [
        ['7', '{"name":"A"}'],
        ['9', 'null'],
      ],
      '{"presence":{"count":2,"ids":["7","9"],"hash":{"7":{"name":"A"},"9":null}}}',
    ],
    ['ids that need quotes', [['a"b\\', '1']], '{"presence":{"count":1,"ids":["a\\"b\\\\"],"hash":{"a\\"b\\\\":1}}}'],
    ['__proto__', [['__proto__', '{}']], '{"presence":{"count":1,"ids":["__proto__"],"hash":{"__proto__":{}}}}'],
  ])('%s', (_, members, data) => {
    expect(roster(members.map(([userId, info]) => ({ userId, info })))).toBe(data);
  });

  test('is made once of one list', () => {
    const reads: string[] = [];
    const member = {
      info: 'null',
      get userId() {
        reads.push('read');
        return '7';
      },
    };
    const members = [member];
    expect(roster(members)).toBe(roster(members));
    expect(reads).toHaveLength(1);
  });
});

describe('a member comes from channel_data, or from the signed-in user', () => {
  const user = { id: 'me', info: '{"name":"Me"}' };
  test.each<[what: string, data: string | undefined, signedIn: boolean, userId: string, info: string]>([
    ['a string', '{"user_id":"7","user_info":{"name":"A"}}', false, '7', '{"name":"A"}'],
    ['REC websocket §7: 7 and "7" are the same user', '{"user_id":7}', false, '7', 'null'],
    ['zero', '{"user_id":0}', false, '0', 'null'],
    ['REC websocket §7: absent info is null', '{"user_id":"7"}', false, '7', 'null'],
    ['info of any type', '{"user_id":"7","user_info":true}', false, '7', 'true'],
    [
      'info with keys of the prototype',
      '{"user_id":"7","user_info":{"__proto__":{"a":1}}}',
      false,
      '7',
      '{"__proto__":{"a":1}}',
    ],
    ['Python’s spacing', '{"user_id": "7", "user_info": {"a": 1}}', false, '7', '{"a":1}'],
    ['an id of 128 characters', `{"user_id":"${'x'.repeat(128)}"}`, false, 'x'.repeat(128), 'null'],
    ['__proto__', '{"user_id":"__proto__"}', false, '__proto__', 'null'],
    ['no data, signed in', undefined, true, 'me', '{"name":"Me"}'],
    ['websocket §7: channel_data wins', '{"user_id":"7"}', true, '7', 'null'],
  ])('%s', (_, data, signedIn, userId, info) => {
    expect(memberOf(ROOM, data, signedIn ? user : undefined, 2048)).toEqual({ userId, info });
  });

  test.each<[what: string, data: string | undefined]>([
    ['no data, not signed in', undefined],
    ['no user_id', '{"user_info":{}}'],
    ['an empty user_id', '{"user_id":""}'],
    ['user_id null', '{"user_id":null}'],
    ['user_id an object', '{"user_id":{"a":1}}'],
    ['an inherited user_id', '{"__proto__":{"user_id":"7"}}'],
    ['an id of 129 characters', `{"user_id":"${'x'.repeat(129)}"}`],
    ['no JSON', 'user_id=7'],
    ['no object', '"7"'],
    ['null', 'null'],
    ['brackets', '['.repeat(100_000)],
  ])('REC websocket §7: refused without a usable user_id: %s', (_, data) => {
    expect(() => memberOf(ROOM, data, undefined, 2048)).toThrow(NO_USER);
  });

  test.each([
    ['2048 bytes', `"${'x'.repeat(2046)}"`, true],
    ['2049 bytes', `"${'x'.repeat(2047)}"`, false],
    ['2049 bytes in 1026 characters', `"${'é'.repeat(1023)}a"`, false],
    ['too deep to be written', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, false],
  ])('REC limits §1: user_info may have 2 KB: %s', (_, info, taken) => {
    const member = () => memberOf(ROOM, `{"user_id":"7","user_info":${info}}`, undefined, 2048);
    if (taken) expect(member().info).toBe(info);
    else expect(member).toThrow('The maximum size for a channel member is 2 KB.');
  });
});

describe('REC websocket §7: others hear of the first and the last connection of a user', () => {
  test('once, however many sockets there are', async () => {
    await using harness = await createHarness();
    const [watcher, one, two] = [await harness.connect(), await harness.connect(), await harness.connect()];
    await watcher.subscribe(ROOM, { user_id: 'w' });
    harness.takeFacts();
    const both = '{"presence":{"count":2,"ids":["w","7"],"hash":{"w":null,"7":{"n":1}}}}';
    expect(await one.subscribe(ROOM, { user_id: 7, user_info: { n: 1 } })).toEqual([succeeded(both)]);
    expect(await watcher.read()).toEqual([added('{"user_id":"7","user_info":{"n":1}}')]);
    expect(await two.subscribe(ROOM, { user_id: '7', user_info: { n: 2 } })).toEqual([succeeded(both)]);
    expect(await watcher.read()).toEqual([]);
    expect(await one.read()).toEqual([]);
    expect(harness.takeFacts()).toEqual([`member_added ${ROOM} 7`]);
    await one.unsubscribe(ROOM);
    expect(await watcher.read()).toEqual([]);
    await two.close();
    expect(await watcher.read()).toEqual([removed('7')]);
    expect(harness.takeFacts()).toEqual([`member_removed ${ROOM} 7`]);
    expect(await one.subscribe(ROOM, { user_id: '7', user_info: { n: 3 } })).toEqual([
      succeeded(both.replace('1}', '3}')),
    ]);
  });

  test('__proto__ is a user like any other', async () => {
    await using harness = await createHarness();
    const [watcher, client] = [await harness.connect(), await harness.connect()];
    await watcher.subscribe(ROOM, { user_id: 'w' });
    const roster = '{"presence":{"count":2,"ids":["w","__proto__"],"hash":{"w":null,"__proto__":null}}}';
    expect(await client.subscribe(ROOM, { user_id: '__proto__' })).toEqual([succeeded(roster)]);
    expect(await watcher.read()).toEqual([added('{"user_id":"__proto__","user_info":null}')]);
    await client.close();
    expect(await watcher.read()).toEqual([removed('__proto__')]);
  });
});

test('REC websocket §4.4: a repeated subscribe of the same user is acknowledged with who is here now, and announces nobody', async () => {
  await using harness = await createHarness();
  const [watcher, client] = [await harness.connect(), await harness.connect()];
  await watcher.subscribe(ROOM, { user_id: 'w' });
  await client.subscribe(ROOM, { user_id: '7', user_info: 1 });
  await watcher.read();
  harness.takeFacts();
  const roster = '{"presence":{"count":2,"ids":["w","7"],"hash":{"w":null,"7":1}}}';
  expect(await client.subscribe(ROOM, { user_id: 7, user_info: 2 })).toEqual([succeeded(roster)]);
  expect(await watcher.read()).toEqual([]);
  expect(harness.takeFacts()).toEqual([]);
  await client.close();
  expect(await watcher.read()).toEqual([removed('7')]);
});

test('REC websocket §4.4: a repeated subscribe as another user is a leave and a join', async () => {
  await using harness = await createHarness();
  const [watcher, client] = [await harness.connect(), await harness.connect()];
  await watcher.subscribe(ROOM, { user_id: 'w' });
  await client.subscribe(ROOM, { user_id: '7' });
  await watcher.read();
  harness.takeFacts();
  expect(await client.subscribe(ROOM, { user_id: '8' })).toEqual([
    succeeded('{"presence":{"count":2,"ids":["w","8"],"hash":{"w":null,"8":null}}}'),
  ]);
  expect(await watcher.read()).toEqual([removed('7'), added('{"user_id":"8","user_info":null}')]);
  expect(harness.takeFacts()).toEqual([`member_removed ${ROOM} 7`, `member_added ${ROOM} 8`]);
  await harness.core.terminateUser(harness.app, '7');
  await client.read();
  expect(client.transport.closedWith).toBe(undefined);
});

test('REC websocket §4.4: a repeated subscribe that fails keeps the member', async () => {
  await using harness = await createHarness();
  const [watcher, client] = [await harness.connect(), await harness.connect()];
  await watcher.subscribe(ROOM, { user_id: 'w' });
  await client.subscribe(ROOM, { user_id: '7' });
  await watcher.read();
  await client.subscribe(ROOM, { user_id: '8' }, 'key:nonsense');
  await client.subscribe(ROOM, { user_info: 1 });
  await client.subscribe(ROOM, { user_id: '7', user_info: 'x'.repeat(3000) });
  expect(await watcher.read()).toEqual([]);
  expect(await harness.adapters.tracker.members('app', ROOM)).toHaveLength(2);
});

describe('REC limits §1, §2: presence limits', () => {
  const full = 'The maximum members per presence channel limit was reached';
  const large = 'The maximum size for a channel member is 2 KB.';
  const refused = (code: number, text: string, status: number) => [
    `pusher:error {"code":${code},"message":"${text}"}`,
    `pusher:subscription_error ${ROOM} {"type":"LimitReached","error":"${text}","status":${status}}`,
  ];

  test('a full room refuses another user, admits another tab of one who is there, and takes who comes when one left', async () => {
    await using harness = await createHarness({ limits: { presenceMembers: 2 } });
    const [one, two] = [await harness.connect(), await harness.connect()];
    const [three, tab] = [await harness.connect(), await harness.connect()];
    await one.subscribe(ROOM, { user_id: '1' });
    await two.subscribe(ROOM, { user_id: '2' });
    await one.read();
    harness.takeFacts();
    expect(await three.subscribe(ROOM, { user_id: '3' })).toEqual(refused(4301, full, 4100));
    expect(three.transport.closedWith).toBe(undefined);
    expect(await one.read()).toEqual([]);
    expect(harness.takeFacts()).toEqual([]);
    expect(await harness.adapters.tracker.counts('app', [ROOM])).toEqual([{ subscriptionCount: 2, userCount: 2 }]);
    expect((await tab.subscribe(ROOM, { user_id: '1' }))[0]).toMatch(/^pusher_internal:subscription_succeeded /);
    await harness.trigger({ channels: [ROOM] });
    expect(await three.read()).toEqual([]);
    await two.close();
    expect((await three.subscribe(ROOM, { user_id: '3' }))[0]).toMatch(/^pusher_internal:subscription_succeeded /);
  });

  test('who was refused is not reached by the termination of that user', async () => {
    await using harness = await createHarness({ limits: { presenceMembers: 1 } });
    const [one, two] = [await harness.connect(), await harness.connect()];
    await one.subscribe(ROOM, { user_id: '1' });
    await two.subscribe(ROOM, { user_id: '2' });
    await harness.core.terminateUser(harness.app, '2');
    await two.read();
    expect(two.transport.closedWith).toBe(undefined);
    expect(harness.core.nodeStats().topics).toBe(2);
  });

  test('a member too large is refused, and leaves nothing behind', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(ROOM, { user_id: '1', user_info: 'x'.repeat(2047) })).toEqual(
      refused(4301, large, 4301),
    );
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('REC websocket §7: no user, no member', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(ROOM)).toEqual([
      `pusher:error {"code":4009,"message":"${NO_USER}"}`,
      `pusher:subscription_error ${ROOM} {"type":"AuthError","error":"${NO_USER}","status":401}`,
    ]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });
});

test('auth §2: a signed-in user joins with the private form, as who they signed in', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.signIn({ id: '7', user_info: { name: 'A' } });
  expect(await client.subscribe(ROOM)).toEqual([
    succeeded('{"presence":{"count":1,"ids":["7"],"hash":{"7":{"name":"A"}}}}'),
  ]);
});
