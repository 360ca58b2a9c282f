// The authorization endpoint over HTTP: bodies, answers, CORS, apps and paths (auth.md §3). How tokens and the
// application are asked is in test/auth.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ask, tokenOf, tokenSecret } from '../support/authorization.ts';
import { connect } from '../support/client.ts';
import { credentials, startServer } from '../support/server.ts';

const SOCKET = '123.456';
const masterKey = Buffer.alloc(32, 'a').toString('base64');
const rules = [
  { channel: 'private-user.{sub}' },
  { channel: 'presence-conversation.{conversations}' },
  { channel: 'private-encrypted-team.{team}' },
  { channel: 'private-encrypted-bla', allow: 'authenticated' as const },
];
const bearer = { secret: tokenSecret, userInfo: { name: 'name' } };
const auth = { bearer, rules };
const ada = { sub: '7', name: 'Ada', conversations: ['1', '2'], team: 'red' };

const sign = (text: string, { key, secret } = credentials as { key: string; secret: string }) =>
  `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`;
const form = (channel_name: string) => new URLSearchParams({ socket_id: SOCKET, channel_name });

describe('POST /broadcasting/auth', () => {
  it('answers a private channel with its signature, and nothing else', async () => {
    await using server = await startServer({ auth });
    const answer = await ask(server, form('private-user.7'), { token: await tokenOf(ada) });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.json).toEqual({ auth: sign(`${SOCKET}:private-user.7`) });
  });

  it('answers a presence channel with the member and a signature over it', async () => {
    await using server = await startServer({ auth });
    const { json } = await ask(server, form('presence-conversation.1'), { token: await tokenOf(ada) });
    const channel_data = '{"user_id":"7","user_info":{"name":"Ada"}}';
    expect(json).toEqual({ auth: sign(`${SOCKET}:presence-conversation.1:${channel_data}`), channel_data });
  });

  it('answers an encrypted channel with its shared secret (auth.md §5)', async () => {
    await using server = await startServer({ auth, encryptionMasterKey: masterKey });
    const { json } = await ask(server, form('private-encrypted-bla'), { token: await tokenOf(ada) });
    expect(json).toEqual({
      auth: sign(`${SOCKET}:private-encrypted-bla`),
      shared_secret: 'BVXlcHXfSL+YeyZu14V6IRntPgrbdObUmJZyoZxVIWU=',
    });
  });

  it.each(['/broadcasting/auth', '/pusher/auth', `/broadcasting/auth/${credentials.key}`, '/pusher/auth/app-key'])(
    'is at %s',
    async (path) => {
      await using server = await startServer({ auth });
      expect(await ask(server, form('private-user.7'), { token: await tokenOf(ada), path })).toMatchObject({
        status: 200,
      });
    },
  );

  it('is at the configured paths, below the path prefix, and nowhere else', async () => {
    const paths = { channelPaths: ['/join'], userPaths: ['/sign-in'] };
    await using server = await startServer({ auth }, { path: '/ws', auth: paths });
    const token = await tokenOf(ada);
    expect((await ask(server, form('private-user.7'), { token, path: '/join' })).status).toBe(200);
    expect((await ask(server, form('private-user.7'), { token, path: '/sign-in' })).json).toHaveProperty('user_data');
    const elsewhere = await fetch(`${server.url}/broadcasting/auth`, { method: 'POST' });
    expect(elsewhere.status).toBe(404);
  });

  it('is not there unless an app has auth', async () => {
    await using server = await startServer();
    expect(await ask(server, form('private-user.7'))).toMatchObject({ status: 404, json: { error: 'Not found.' } });
  });

  it('takes JSON as well, as Dart and Swift clients may send it', async () => {
    await using server = await startServer({ auth });
    const token = await tokenOf(ada);
    const { json } = await ask(server, { socket_id: SOCKET, channel_name: 'private-user.7' }, { token });
    expect(json).toEqual({ auth: sign(`${SOCKET}:private-user.7`) });
  });

  it('takes forms whose values are not percent-encoded', async () => {
    const open = [{ channel: 'private-*', allow: 'authenticated' as const }];
    await using server = await startServer({ auth: { bearer, rules: open } });
    const body = `channel_name=private-a=b,c;d@e&socket_id=${SOCKET}`;
    const { json } = await ask(server, body, { token: await tokenOf(ada) });
    expect(json).toEqual({ auth: sign(`${SOCKET}:private-a=b,c;d@e`) });
  });
});

describe('several channels in one request', () => {
  const names = ['private-user.7', 'presence-conversation.2', 'private-user.8', 'not allowed'];
  const granted = '{"user_id":"7","user_info":{"name":"Ada"}}';
  const expected = {
    'private-user.7': { auth: sign(`${SOCKET}:private-user.7`) },
    'presence-conversation.2': {
      auth: sign(`${SOCKET}:presence-conversation.2:${granted}`),
      channel_data: granted,
    },
    'private-user.8': { status: 403, error: 'This user may not join the channel private-user.8.' },
    'not allowed': { status: 400, error: 'Invalid channel name not allowed' },
  };

  it('are answered by channel, each on its own: channel_name[]', async () => {
    await using server = await startServer({ auth });
    const body = new URLSearchParams({ socket_id: SOCKET });
    for (const name of names) body.append('channel_name[]', name);
    const answer = await ask(server, body, { token: await tokenOf(ada) });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.json).toEqual(expected);
  });

  it('are answered by channel: a JSON array', async () => {
    await using server = await startServer({ auth });
    const body = { socket_id: SOCKET, channel_name: names };
    expect((await ask(server, body, { token: await tokenOf(ada) })).json).toEqual(expected);
  });

  it('are answered as the pusher-js-auth plugin reads them: channel_name[0]', async () => {
    await using server = await startServer({ auth });
    const body = new URLSearchParams({ socket_id: SOCKET });
    names.slice(1, 3).forEach((name, index) => {
      body.set(`channel_name[${index}]`, name);
    });
    expect((await ask(server, body, { token: await tokenOf(ada) })).json).toEqual({
      'presence-conversation.2': { status: 200, data: expected['presence-conversation.2'] },
      'private-user.8': { status: 403, data: { error: 'This user may not join the channel private-user.8.' } },
    });
  });

  it('with a token nobody knows are refused as a whole', async () => {
    await using server = await startServer({ auth });
    const body = { socket_id: SOCKET, channel_name: names.slice(0, 3) };
    const answer = await ask(server, body, { token: await tokenOf(ada, 'another secret, also of 32 bytes and more') });
    expect(answer).toMatchObject({ status: 401, json: { error: 'The signature of the token is not valid.' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('may be named like a property of every object', async () => {
    const open = [{ channel: '*', allow: 'authenticated' as const }];
    await using server = await startServer({ auth: { bearer, rules: open } });
    const body = { socket_id: SOCKET, channel_name: ['__proto__', 'constructor'] };
    const { json } = await ask(server, body, { token: await tokenOf(ada) });
    expect(Object.keys(json)).toEqual(['__proto__', 'constructor']);
  });
});

describe('POST /broadcasting/user-auth', () => {
  it.each(['/broadcasting/user-auth', '/pusher/user-auth', `/pusher/user-auth/${credentials.key}`])(
    '%s signs the user in, with the watchlist of a claim',
    async (path) => {
      const watching = { ...bearer, watchlist: 'friends' };
      await using server = await startServer({ auth: { bearer: watching, rules: [] } });
      const token = await tokenOf({ ...ada, friends: ['8', 9, null, '9'] });
      const { status, json } = await ask(server, new URLSearchParams({ socket_id: SOCKET }), { token, path });
      const user_data = '{"id":"7","user_info":{"name":"Ada"},"watchlist":["8","9","9"]}';
      expect(status).toBe(200);
      expect(json).toEqual({ auth: sign(`${SOCKET}::user::${user_data}`), user_data });
    },
  );

  it.each<[claims: Record<string, unknown>, error: string]>([
    [{ sub: undefined }, 'Nobody to sign in: the request names no user.'],
    [{ sub: 'auth0|7' }, expect.stringContaining('This user’s id cannot sign in')],
    [{ sub: 'x'.repeat(129) }, expect.stringContaining('This user’s id cannot sign in')],
  ])('refuses %j', async (claims, error) => {
    await using server = await startServer({ auth });
    const token = await tokenOf({ ...ada, ...claims });
    const body = new URLSearchParams({ socket_id: SOCKET });
    expect(await ask(server, body, { token, path: '/broadcasting/user-auth' })).toMatchObject({
      status: 403,
      json: { error },
    });
  });
});

describe('is refused, with a reason', () => {
  it.each<[what: string, body: Record<string, unknown> | string, status: number, error: string]>([
    ['no token', {}, 401, 'No token: send it as Authorization: Bearer TOKEN.'],
    [
      'another’s channel',
      { channel_name: 'private-user.8' },
      403,
      'This user may not join the channel private-user.8.',
    ],
    ['a channel of no rule', { channel_name: 'private-x' }, 403, 'No rule names the channel private-x.'],
    ['a public channel', { channel_name: 'news' }, 403, 'The channel news needs no authorization.'],
    [
      'the channel of a user',
      { channel_name: '#server-to-user-8' },
      403,
      'The channel #server-to-user-8 needs no authorization.',
    ],
    ['an empty channel', { channel_name: '' }, 400, 'Missing required parameter: channel_name'],
    ['no channel', { channel_name: undefined }, 400, 'Missing required parameter: channel_name'],
    ['a channel no one can have', { channel_name: 'private a' }, 400, 'Invalid channel name private a'],
    ['a malformed socket', { socket_id: '1.x' }, 400, 'Invalid socket id 1.x'],
    ['no socket', { socket_id: undefined }, 400, 'Missing required parameter: socket_id'],
    ['no JSON', '{', 400, "Body is not valid JSON but content-type is set to 'application/json'"],
    ['a JSON list', '[]', 400, 'The request body must be a form or a JSON object with socket_id and channel_name.'],
    ['a large body', `{"socket_id":"${'1'.repeat(70_000)}"}`, 413, 'Request body is too large'],
  ])('%s', async (what, body, status, error) => {
    await using server = await startServer({ auth });
    const sent = typeof body === 'string' ? body : { socket_id: SOCKET, channel_name: 'private-user.7', ...body };
    const token = what === 'no token' ? {} : { token: await tokenOf(ada) };
    const headers = { 'content-type': 'application/json' };
    expect(await ask(server, sent, { ...token, headers })).toMatchObject({ status, json: { error } });
  });

  it('a body of another type', async () => {
    await using server = await startServer({ auth });
    const headers = { 'content-type': 'text/plain' };
    const { status, json } = await ask(server, 'socket_id=1.1', { headers });
    expect([status, json]).toEqual([
      415,
      { error: 'Send a form (application/x-www-form-urlencoded) or JSON (application/json).' },
    ]);
  });

  it.each(['GET', 'PUT', 'DELETE'])('%s, with 405 and what is allowed', async (method) => {
    await using server = await startServer({ auth });
    const response = await fetch(`${server.url}/broadcasting/auth`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await response.json()).toEqual({ error: 'Method not allowed.' });
  });

  it('a presence channel without a user, an id that is too long, an info that is too large', async () => {
    const open = [{ channel: 'presence-*', allow: 'authenticated' as const }];
    await using server = await startServer({ auth: { bearer, rules: open } });
    const refusal = async (claims: Record<string, unknown>) =>
      (await ask(server, form('presence-x'), { token: await tokenOf({ ...ada, ...claims }) })).json;
    expect(await refusal({ sub: undefined })).toEqual({
      error: 'The token names no user: it has no claim sub.',
    });
    expect(await refusal({ sub: 'x'.repeat(129) })).toEqual({ error: 'The user’s id must have 1 to 128 characters.' });
    expect(await refusal({ name: 'x'.repeat(3000) })).toEqual({
      error: 'The user’s user_info is larger than 2048 bytes.',
    });
  });

  it('an encrypted channel without a master key', async () => {
    await using server = await startServer({ auth });
    const { status, json } = await ask(server, form('private-encrypted-team.red'), { token: await tokenOf(ada) });
    expect([status, json]).toEqual([403, { error: 'Encrypted channels are not configured: set encryptionMasterKey.' }]);
  });

  it('a socket of another app', async () => {
    const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
    await using server = await startServer({ auth }, { apps: [other] });
    await using client = await connect(server, { key: 'other-key' });
    const body = { socket_id: client.socketId, channel_name: 'private-user.7' };
    expect(await ask(server, body, { token: await tokenOf(ada) })).toMatchObject({
      status: 403,
      json: { error: `The socket ${client.socketId} is not connected to this app.` },
    });
  });

  it('names with which one signature would be another’s', async () => {
    const open = [{ channel: '*', allow: 'authenticated' as const }];
    await using server = await startServer({ anyChannelName: true, auth: { bearer, rules: open } });
    const token = await tokenOf(ada);
    for (const name of [':user::{"id":"admin"}', 'private-x:{"user_id":"admin"}']) {
      expect(await ask(server, form(name), { token })).toMatchObject({
        status: 400,
        json: { error: `Invalid channel name ${name}` },
      });
    }
  });

  it('a disabled app, an unknown key, and a path without a key where several apps have auth', async () => {
    const other = { id: 'other', key: 'other-key', secret: 'other-secret', auth, enabled: false };
    const without = { id: 'without', key: 'without-key', secret: 'other-secret' };
    await using server = await startServer({ auth }, { apps: [other, without] });
    const refusal = async (path: string) => {
      const { status, json } = await ask(server, form('private-user.7'), { token: await tokenOf(ada), path });
      return [status, json.error];
    };
    expect(await refusal('/broadcasting/auth/other-key')).toEqual([403, 'The app is not enabled.']);
    expect(await refusal('/pusher/auth/nobody')).toEqual([404, 'No app with the key nobody has auth configured.']);
    expect(await refusal('/pusher/auth/without-key')).toEqual([
      404,
      'No app with the key without-key has auth configured.',
    ]);
    expect(await refusal('/pusher/auth')).toEqual([
      404,
      'Several apps have auth configured: ask at /pusher/auth/{app key}.',
    ]);
    expect(await refusal('/broadcasting/auth/app-key')).toEqual([200, undefined]);
  });

  it('with the reason in the log, and nothing of the token', async () => {
    await using server = await startServer({ auth });
    const token = await tokenOf(ada);
    await ask(server, form('private-user.8'), { token });
    await ask(server, form('private-user.7'), { token: `${token}x` });
    await ask(server, new URLSearchParams({ socket_id: SOCKET }), { path: '/pusher/user-auth' });
    const refused = server.logged.filter(({ reason }) => reason !== undefined);
    expect(refused).toMatchObject([
      {
        level: 30,
        appId: 'app-id',
        channel: 'private-user.8',
        socketId: SOCKET,
        status: 403,
        reason: 'This user may not join the channel private-user.8.',
        msg: 'a channel was refused',
      },
      { status: 401, reason: 'The signature of the token is not valid.' },
      { status: 401, msg: 'a sign-in was refused', reason: 'No token: send it as Authorization: Bearer TOKEN.' },
    ]);
    const text = JSON.stringify(server.logged);
    for (const part of [...token.split('.'), tokenSecret, credentials.secret]) expect(text).not.toContain(part);
  });
});

describe('grants', () => {
  it('named: name the user on private channels as well', async () => {
    await using server = await startServer({ auth: { ...auth, grants: 'named' } });
    await using client = await connect(server);
    const body = { socket_id: client.socketId, channel_name: 'private-user.7' };
    const { json } = await ask(server, body, { token: await tokenOf(ada) });
    expect(json).toEqual({ auth: expect.any(String), channel_data: '{"user_id":"7"}' });
    const signature = sign(`${client.socketId}:private-user.7:{"user_id":"7"}`);
    expect(json.auth).toBe(`${signature}:${Buffer.from('{"user_id":"7"}').toString('base64url')}`);
  });

  it('expiring: end with the token', async () => {
    await using server = await startServer({ auth: { ...auth, grants: 'expiring' }, encryptionMasterKey: masterKey });
    const exp = Math.floor(Date.now() / 1000) + 100;
    const token = await tokenOf({ ...ada, exp });
    const dataOf = async (name: string) =>
      JSON.parse(String((await ask(server, form(name), { token })).json.channel_data));
    expect(await dataOf('private-user.7')).toEqual({ user_id: '7', exp });
    expect(await dataOf('private-encrypted-team.red')).toEqual({ user_id: '7', exp });
    expect(await dataOf('presence-conversation.1')).toEqual({ user_id: '7', user_info: { name: 'Ada' }, exp });
  });

  it('expiring, of a token that does not end: named', async () => {
    const endless = { ...bearer, requireExpiry: false };
    await using server = await startServer({ auth: { bearer: endless, rules, grants: 'expiring' } });
    const { json } = await ask(server, form('private-user.7'), { token: await tokenOf({ ...ada, exp: undefined }) });
    expect(json.channel_data).toBe('{"user_id":"7"}');
  });
});

describe('CORS', () => {
  const origin = 'https://app.example.com';
  const asking = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  const preflight = async (url: string, headers: Record<string, string> = asking) =>
    await fetch(`${url}/broadcasting/auth`, { method: 'OPTIONS', headers });

  it('lets every page ask with a token, but not with cookies, where every origin is allowed', async () => {
    await using server = await startServer({ auth });
    const before = await preflight(server.url);
    expect(before.status).toBe(204);
    expect(before.headers.get('access-control-allow-origin')).toBe('*');
    expect(before.headers.get('access-control-allow-methods')).toBe('POST');
    expect(before.headers.get('access-control-allow-headers')).toBe('authorization');
    expect(before.headers.get('access-control-allow-credentials')).toBeNull();
    const { headers } = await ask(server, form('private-user.7'), { token: await tokenOf(ada), headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('lets listed origins ask with cookies, also when the answer is a refusal', async () => {
    await using server = await startServer({ auth, allowedOrigins: ['*.example.com'] });
    for (const { headers } of [await preflight(server.url), await ask(server, form('x'), { headers: { origin } })]) {
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  it('refuses origins that are not listed', async () => {
    await using server = await startServer({ auth, allowedOrigins: ['example.org'] });
    const answer = await ask(server, form('private-user.7'), { token: await tokenOf(ada), headers: { origin } });
    expect(answer).toMatchObject({ status: 403, json: { error: `Origin not allowed: ${origin}` } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect((await preflight(server.url)).status).toBe(403);
  });

  const foreign = 'https://evil.example';
  const cookieAuth = { bearer: { ...bearer, cookie: 'token' }, rules };
  it.each<[what: string, headers: Record<string, string>, allowedOrigins: string[], status: number]>([
    ['another page’s, where every origin is allowed', { origin: foreign }, ['*'], 401],
    ['those of a page without an origin', { origin: 'null' }, ['*'], 401],
    ['those of a site beside', { 'sec-fetch-site': 'same-site' }, ['*'], 401],
    ['those of another site', { 'sec-fetch-site': 'cross-site', origin: foreign }, ['*'], 401],
    ['the server’s own page’s', { origin: 'OWN' }, ['*'], 200],
    ['the own page’s behind a proxy', { origin: foreign, 'sec-fetch-site': 'same-origin' }, ['*'], 200],
    ['those of no page', {}, ['*'], 200],
    ['a listed origin’s', { origin, 'sec-fetch-site': 'cross-site' }, ['app.example.com'], 200],
  ])('takes cookies or not: %s', async (_, sent, allowedOrigins, status) => {
    await using server = await startServer({ auth: cookieAuth, allowedOrigins });
    const own = sent.origin === 'OWN' ? { origin: server.url } : {};
    const headers = { ...sent, ...own, cookie: `token=${await tokenOf(ada)}` };
    // fetch sets Sec-Fetch headers of its own.
    const asked = request(`${server.url}/broadcasting/auth`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    });
    asked.end(String(form('private-user.7')));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.resume().statusCode).toBe(status);
  });

  it('needs no origin: apps on phones send none', async () => {
    await using server = await startServer({ auth, allowedOrigins: ['example.org'] });
    const answer = await ask(server, form('private-user.7'), { token: await tokenOf(ada) });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});
