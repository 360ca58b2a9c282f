// Sign-in, a user's own channel, and termination.
import { describe, expect, test } from 'vitest';
import { createHarness, type Harness, token } from './support/harness.ts';

const REFUSED = 'pusher:error {"code":4009,"message":"Connection not authorized."}';
const NO_ID = 'pusher:error {"code":4009,"message":"The returned user data must contain the \\"id\\" field."}';
const TERMINATED = 'pusher:error {"code":4009,"message":"You got disconnected by the app."}';
const PONG = 'pusher:pong {}';

const isOnline = async (harness: Harness, id: string) => (await harness.adapters.tracker.online('app', [id])).has(id);

describe('REC websocket §10.1: sign-in', () => {
  test('echoes user_data unchanged', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const userData = '{ "id" : "7", "x":1.0 }';
    client.say({
      event: 'pusher:signin',
      data: { auth: token(`${client.socketId}::user::${userData}`), user_data: userData },
    });
    expect(await client.readTexts()).toEqual([
      '{"event":"pusher:signin_success","data":"{\\"user_data\\":\\"{ \\\\\\"id\\\\\\" : \\\\\\"7\\\\\\", \\\\\\"x\\\\\\":1.0 }\\"}"}',
    ]);
    expect(await isOnline(harness, '7')).toBe(true);
    await client.close();
    expect(await isOnline(harness, '7')).toBe(false);
  });

  test.each<[what: string, auth: (id: string) => string]>([
    ['none', () => ''],
    ['malformed', () => 'nonsense'],
    ['another secret', (id) => token(`${id}::user::{"id":"7"}`, { key: 'key', secret: 'other' })],
    ['another app’s key', (id) => token(`${id}::user::{"id":"7"}`, { key: 'other', secret: 'secret' })],
    ['for another socket', () => token('1.2::user::{"id":"7"}')],
    ['for another user', (id) => token(`${id}::user::{"id":"8"}`)],
    ['for a channel', (id) => token(`${id}:{"id":"7"}`)],
  ])('a signature that is wrong (%s) closes with 4009', async (_, auth) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.signIn('{"id":"7"}', auth(client.socketId))).toEqual([REFUSED]);
    expect(client.transport.closedWith).toEqual({ code: 4009, reason: 'Connection not authorized.' });
    expect(await isOnline(harness, '7')).toBe(false);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test.each([
    ['no JSON', 'x'],
    ['no object', '["7"]'],
    ['no id', '{"user_info":{}}'],
    ['an inherited id', '{"__proto__":{"id":"7"}}'],
    ['an empty id', '{"id":""}'],
    ['an id that is a number', '{"id":7}'],
  ])('user_data without a usable id closes with 4009: %s', async (_, userData) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.signIn(userData)).toEqual([NO_ID]);
    expect(client.transport.closedWith?.code).toBe(4009);
  });

  test.each([
    ['other characters', 'a b'],
    ['a #', '#7'],
    ['129 characters', 'x'.repeat(129)],
  ])('REC limits §1: an id with %s closes with 4009 and says what ids may be', async (_, id) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const message = 'The user id may have 1 to 128 characters of A-Z a-z 0-9 _ - = @ , . ;';
    expect(await client.signIn({ id })).toEqual([`pusher:error ${JSON.stringify({ code: 4009, message })}`]);
    expect(client.transport.closedWith?.code).toBe(4009);
  });

  test.each(['__proto__', 'constructor', 'x'.repeat(128), 'a_-=@,.;'])('%s is an id like any other', async (id) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.signIn({ id })).toHaveLength(1);
    expect(client.transport.closedWith).toBe(undefined);
    expect(await isOnline(harness, id)).toBe(true);
  });

  test('the same user again is acknowledged again, and counts once', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    expect(await client.signIn({ id: '7', more: 1 })).toEqual([
      'pusher:signin_success {"user_data":"{\\"id\\":\\"7\\",\\"more\\":1}"}',
    ]);
    await client.close();
    expect(await isOnline(harness, '7')).toBe(false);
  });

  test('another user closes with 4009, and the first is gone with the socket', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    expect(await client.signIn({ id: '8' })).toEqual([REFUSED]);
    expect(client.transport.closedWith).toEqual({ code: 4009, reason: 'Connection not authorized.' });
    expect(await isOnline(harness, '7')).toBe(false);
    expect(await isOnline(harness, '8')).toBe(false);
  });
});

describe('REC websocket §10.2: server-to-user', () => {
  test('the signed-in user subscribes like to any channel, and each event comes once per socket', async () => {
    await using harness = await createHarness();
    const [one, tab] = [await harness.connect(), await harness.connect()];
    for (const client of [one, tab]) {
      await client.signIn({ id: '7' });
      expect(await client.subscribe('#server-to-user-7')).toEqual([
        'pusher_internal:subscription_succeeded #server-to-user-7 {}',
      ]);
    }
    await harness.trigger({ channels: ['#server-to-user-7'], name: 'hello', data: '1' });
    expect(await one.read()).toEqual(['hello #server-to-user-7 1']);
    expect(await tab.read()).toEqual(['hello #server-to-user-7 1']);
  });

  test('a signed-in socket that did not subscribe gets nothing', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await harness.trigger({ channels: ['#server-to-user-7'] });
    expect(await client.ask({ event: 'pusher:ping' })).toEqual([PONG]);
  });

  test.each([
    ['not signed in', undefined],
    ['another user', '8'],
    ['a user whose id begins alike', '77'],
  ])('%s is refused with 4009', async (_, id) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    if (id !== undefined) await client.signIn({ id });
    expect((await client.subscribe('#server-to-user-7'))[0]).toBe(
      'pusher:error {"code":4009,"message":"Connection is unauthorized"}',
    );
    await harness.trigger({ channels: ['#server-to-user-7'] });
    expect(await client.ask({ event: 'pusher:ping' })).toEqual([PONG]);
  });

  test('a user’s own channel is neither listed nor announced', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await client.subscribe('#server-to-user-7');
    await client.unsubscribe('#server-to-user-7');
    await client.subscribe('#server-to-user-7');
    const asked = { userCount: false, subscriptionCount: false };
    expect(await harness.core.listChannels(harness.app, '', asked)).toEqual([]);
    expect(harness.takeFacts()).toEqual([]);
  });
});

describe('REC websocket §10.4: termination', () => {
  test('closes the user’s sockets by sign-in and by presence id with 4009, once each, and no others', async () => {
    await using harness = await createHarness();
    const [signedIn, present, both, other, none] = [
      await harness.connect(),
      await harness.connect(),
      await harness.connect(),
      await harness.connect(),
      await harness.connect(),
    ];
    await signedIn.signIn({ id: '7' });
    await present.subscribe('presence-room', { user_id: 7 });
    await both.signIn({ id: '7' });
    await both.subscribe('presence-room', { user_id: '7' });
    await other.signIn({ id: '77' });
    await none.subscribe('news');
    for (const client of [signedIn, present, both, other, none]) await client.read();
    await harness.core.terminateUser(harness.app, '7');
    for (const client of [signedIn, present, both]) {
      expect(await client.read()).toEqual([TERMINATED]);
      expect(client.transport.closedWith).toEqual({ code: 4009, reason: 'You got disconnected by the app.' });
    }
    for (const client of [other, none]) {
      expect(await client.ask({ event: 'pusher:ping' })).toEqual([PONG]);
      expect(client.transport.closedWith).toBe(undefined);
    }
    expect(await isOnline(harness, '7')).toBe(false);
    expect(await harness.adapters.tracker.members('app', 'presence-room')).toEqual([]);
  });

  test('reaches a member until the last presence channel was left', async () => {
    await using harness = await createHarness();
    const [stays, gone] = [await harness.connect(), await harness.connect()];
    for (const client of [stays, gone]) {
      await client.subscribe('presence-a', { user_id: '7' });
      await client.subscribe('presence-b', { user_id: '7' });
      await client.unsubscribe('presence-a');
    }
    await gone.unsubscribe('presence-b');
    await harness.core.terminateUser(harness.app, '7');
    await stays.read();
    await gone.read();
    expect(stays.transport.closedWith?.code).toBe(4009);
    expect(gone.transport.closedWith).toBe(undefined);
  });

  test('reaches a signed-in user who left every presence channel', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await client.subscribe('presence-a', { user_id: '7' });
    await client.unsubscribe('presence-a');
    await harness.core.terminateUser(harness.app, '7');
    await client.read();
    expect(client.transport.closedWith?.code).toBe(4009);
  });

  test('reaches a user while the join is under way', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    harness.adapters.tracker.join = () => new Promise(() => {});
    client.subscribing('presence-a', { user_id: '7' });
    await client.read();
    await harness.core.terminateUser(harness.app, '7');
    expect(await client.read()).toEqual([TERMINATED]);
  });

  test('nobody there, or another app: nothing happens', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await harness.core.terminateUser(harness.app, '8');
    await harness.core.terminateUser({ ...harness.app, id: 'other' }, '7');
    expect(await client.ask({ event: 'pusher:ping' })).toContain(PONG);
    expect(client.transport.closedWith).toBe(undefined);
  });
});
