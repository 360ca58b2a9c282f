// Asking the application: what is forwarded, what its answers mean, and that everything in doubt is a 503.
import type { ServerResponse } from 'node:http';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Upstream } from '../../src/auth/upstream.ts';
import type { UpstreamSettings } from '../../src/core/app-auth.ts';
import type { Caller } from '../../src/core/authorization.ts';
import { Application, answering } from './support/application.ts';
import { nowSeconds } from './support/tokens.ts';

afterEach(() => vi.useRealTimers());

const anybody: Caller = { headers: {}, address: '10.0.0.9', encoding: 'form', fields: {} };
const SOCKET = '1.2';
const CHANNEL = 'private-orders.7';

class Asking implements Disposable {
  readonly upstream: Upstream;
  readonly logged: Record<string, unknown>[] = [];

  constructor(url: string, settings: Partial<UpstreamSettings> = {}) {
    const log = pino({ level: 'trace' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    const defaults = { headers: [], timeoutSeconds: 5, concurrency: 50, breakAfterFailures: 10, breakSeconds: 5 };
    this.upstream = new Upstream({ url, userUrl: undefined, ...defaults, ...settings }, log);
  }

  ask(caller: Partial<Caller> = {}, channel = CHANNEL) {
    return this.upstream.ask({ ...anybody, ...caller }, SOCKET, channel);
  }

  signIn() {
    return this.upstream.ask(anybody, SOCKET, undefined);
  }

  [Symbol.dispose](): void {
    this.upstream.stop();
    this.upstream.stop();
  }
}

const hang = (): void => {};
const refusal = (status: number, message: string) => expect.objectContaining({ status, message });

describe('what is forwarded', () => {
  it('credentials, circumstances and chosen headers, and nothing of the connection', async () => {
    await using application = await Application.start();
    using asking = new Asking(application.url, { headers: ['X-Tenant', 'Host', 'Connection', 'Content-Length'] });
    const headers = {
      cookie: 'session=s; XSRF-TOKEN=x',
      authorization: 'Bearer opaque',
      'x-csrf-token': 'c',
      'x-xsrf-token': 'x',
      origin: 'https://app.example.com',
      referer: 'https://app.example.com/chat',
      'user-agent': 'Dart/3.5',
      'accept-language': 'de',
      'x-tenant': ['a', 'b'],
      'x-forwarded-for': '203.0.113.5',
      host: 'ws.example.com',
      connection: 'upgrade',
      'content-length': '99999',
      accept: 'text/html',
      'x-other': 'not chosen',
    };
    await asking.ask({ headers });
    const [asked] = application.asked;
    expect(asked).toMatchObject({ method: 'POST', path: '/broadcasting/auth' });
    const { host, connection, 'content-length': length, 'x-tenant': tenant, ...sent } = asked?.headers ?? {};
    expect(sent).toMatchObject({
      cookie: 'session=s; XSRF-TOKEN=x',
      authorization: 'Bearer opaque',
      'x-csrf-token': 'c',
      'x-xsrf-token': 'x',
      origin: 'https://app.example.com',
      referer: 'https://app.example.com/chat',
      'user-agent': 'Dart/3.5',
      'accept-language': 'de',
      accept: 'application/json',
      'x-requested-with': 'XMLHttpRequest',
      'x-forwarded-for': '203.0.113.5, 10.0.0.9',
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(tenant).toBe('a,b');
    expect([host, connection]).toEqual([new URL(application.url).host, 'keep-alive']);
    expect(length).toBe(String(asked?.body.length));
    expect(sent).not.toHaveProperty('x-other');
  });

  it('a form as a form, for one channel, with its other fields', async () => {
    await using application = await Application.start();
    using asking = new Asking(application.url);
    await asking.ask({ fields: { _token: 'a b&c', list: ['1', '2'], 'more[]': ['3'] } });
    expect([...new URLSearchParams(application.asked[0]?.body)]).toEqual([
      ['_token', 'a b&c'],
      ['list[]', '1'],
      ['list[]', '2'],
      ['more[]', '3'],
      ['socket_id', SOCKET],
      ['channel_name', CHANNEL],
    ]);
  });

  it('JSON as JSON', async () => {
    await using application = await Application.start();
    using asking = new Asking(application.url);
    await asking.ask({ encoding: 'json', fields: { device: { id: 7 } } });
    expect(application.asked[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(application.asked[0]?.body ?? '')).toEqual({
      device: { id: 7 },
      socket_id: SOCKET,
      channel_name: CHANNEL,
    });
  });

  it('a sign-in without a channel, to its own address', async () => {
    await using application = await Application.start(answering(200, { user_id: '7', watchlist: ['8'] }));
    using asking = new Asking('http://127.0.0.1:1/', { userUrl: application.url.replace('/auth', '/user-auth') });
    expect(await asking.signIn()).toMatchObject({ userId: '7', watchlist: ['8'] });
    expect(application.asked[0]).toMatchObject({ path: '/broadcasting/user-auth', body: 'socket_id=1.2' });
  });
});

describe('what its answers mean', () => {
  it('2xx allows, and may name the user', async () => {
    await using application = await Application.start(answering(201, { user_id: 7, user_info: { name: 'Ada' } }));
    using asking = new Asking(application.url);
    expect(await asking.ask()).toMatchObject({ userId: '7', userInfo: { name: 'Ada' } });
    application.behaviour = answering(204);
    expect(await asking.ask()).toMatchObject({ userId: undefined });
  });

  it.each<[number, number, string]>([
    [401, 401, 'The application does not know this user (401).'],
    [400, 403, 'The application refused (400).'],
    [403, 403, 'The application refused (403).'],
    [404, 403, 'The application refused (404).'],
    [419, 403, 'The application refused (419).'],
    [408, 503, 'The application is asked too much, or too slowly (408).'],
    [429, 503, 'The application is asked too much, or too slowly (429).'],
    [302, 503, 'The application redirected (302) where it should have answered.'],
    [500, 503, 'The application failed (500).'],
    [503, 503, 'The application failed (503).'],
  ])('%i is a %i', async (answered, status, message) => {
    await using application = await Application.start(answering(answered, {}, { location: '/login' }));
    using asking = new Asking(application.url);
    await expect(asking.ask()).rejects.toEqual(refusal(status, message));
    expect(application.asked).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['a page', (response) => response.end('<html>Log in</html>')],
    ['false', (response) => response.end('false')],
    ['a list', (response) => response.end('[]')],
    ['no UTF-8', (response) => response.end(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['more than 64 kB', (response) => response.end(`{"user_id":"${'7'.repeat(70_000)}"}`)],
  ])('%s is a 503', async (_, behaviour) => {
    await using application = await Application.start(behaviour);
    using asking = new Asking(application.url);
    await expect(asking.ask()).rejects.toEqual(refusal(503, 'The application’s answer cannot be understood.'));
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['a connection that is cut before the answer', (response) => response.destroy()],
    [
      'a connection that is cut in the answer',
      (response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"user_id":"7"', () => response.destroy());
      },
    ],
  ])('%s is a 503', async (_, behaviour) => {
    await using application = await Application.start(behaviour);
    using asking = new Asking(application.url);
    await expect(asking.ask()).rejects.toEqual(refusal(503, 'The application cannot be reached.'));
  });

  it.each([
    ['7', '7'],
    ['Fri, 31 Dec 2027 23:59:59 GMT', '1'],
  ])('its wish to be asked later is passed on: %s', async (wish, passed) => {
    await using application = await Application.start(answering(429, {}, { 'retry-after': wish }));
    using asking = new Asking(application.url);
    await expect(asking.ask()).rejects.toMatchObject({ status: 503, headers: { 'retry-after': passed } });
  });

  it('what it allowed until a time that is past is refused, and nobody else’s concern', async () => {
    await using application = await Application.start(answering(200, { user_id: '7', exp: nowSeconds() }));
    using asking = new Asking(application.url);
    await expect(asking.ask()).rejects.toEqual(
      refusal(403, 'The application allowed this until a time (exp) that is past.'),
    );
  });

  it('no answer in time is a 503, from the first byte to the last', async () => {
    await using application = await Application.start(hang);
    using asking = new Asking(application.url, { timeoutSeconds: 1 });
    const slow = refusal(503, 'The application did not answer within 1 seconds.');
    await expect(asking.ask()).rejects.toEqual(slow);
    application.behaviour = (response) => response.writeHead(200).write(' ');
    await expect(asking.ask()).rejects.toEqual(slow);
  });

  it('nobody at the address is a 503', async () => {
    const application = await Application.start();
    const { url } = application;
    await application[Symbol.asyncDispose]();
    using asking = new Asking(url);
    await expect(asking.ask()).rejects.toEqual(refusal(503, 'The application cannot be reached.'));
  });

  it('a server that stops does not wait for the answer', async () => {
    await using application = await Application.start(hang);
    using asking = new Asking(application.url);
    const asked = asking.ask();
    const refused = expect(asked).rejects.toEqual(refusal(503, 'The application cannot be reached.'));
    await application.askedTimes(1);
    asking.upstream.stop();
    await refused;
  });

  it('sign-ins need an address', async () => {
    using asking = new Asking('http://127.0.0.1:1/');
    await expect(asking.signIn()).rejects.toMatchObject({ status: 403 });
  });
});

describe('how much it is asked', () => {
  it('so many at a time, whoever asks', async () => {
    const held: ServerResponse[] = [];
    await using application = await Application.start((response) => held.push(response));
    using asking = new Asking(application.url, { concurrency: 2 });
    const asked = Array.from({ length: 5 }, () => asking.ask());
    let most = 0;
    for (let done = 0; done < asked.length; ) {
      await application.askedTimes(Math.min(done + 2, asked.length));
      most = Math.max(most, held.length);
      const response = held.shift();
      response?.end();
      done += 1;
    }
    expect(await Promise.all(asked)).toHaveLength(5);
    expect(most).toBe(2);
  });

  it('not at all for a while after failures in a row', async () => {
    await using application = await Application.start(answering(500));
    using asking = new Asking(application.url, { breakAfterFailures: 2, breakSeconds: 60 });
    for (let n = 0; n < 2; n += 1) await expect(asking.ask()).rejects.toMatchObject({ status: 503 });
    await expect(asking.ask()).rejects.toMatchObject({
      status: 503,
      message: 'The application failed several times and is left alone for a while.',
      headers: { 'retry-after': '60' },
    });
    expect(application.asked).toHaveLength(2);
  });

  it('as ever by others, when it finds that one asks too much', async () => {
    await using application = await Application.start(answering(429, '', { 'cache-control': 'max-age=60' }));
    using asking = new Asking(application.url, { breakAfterFailures: 2, breakSeconds: 60 });
    for (let n = 0; n < 3; n += 1) await expect(asking.ask()).rejects.toMatchObject({ status: 503 });
    application.behaviour = answering(200, { user_id: '7' });
    expect(await asking.ask()).toMatchObject({ userId: '7' });
  });
});

describe('answers that may be kept', () => {
  const keep = { 'cache-control': 'private, max-age=60' };

  it('are given again, also refusals', async () => {
    await using application = await Application.start(answering(200, { user_id: '7' }, keep));
    using asking = new Asking(application.url);
    expect(await asking.ask()).toEqual(await asking.ask());
    application.behaviour = answering(403, {}, keep);
    for (let n = 0; n < 2; n += 1) await expect(asking.ask({}, 'private-x')).rejects.toMatchObject({ status: 403 });
    expect(application.asked).toHaveLength(2);
  });

  it.each([undefined, 'no-cache, private', 'max-age=0', 'no-store, max-age=60', 'max-age=60, no-cache', 'max-age=x'])(
    'are not those with %j',
    async (control) => {
      const headers = control === undefined ? {} : { 'cache-control': control };
      await using application = await Application.start(answering(200, '', headers));
      using asking = new Asking(application.url);
      await asking.ask();
      await asking.ask();
      expect(application.asked).toHaveLength(2);
    },
  );

  it.each<[string, Partial<Caller>, string?]>([
    ['cookie', { headers: { cookie: 'session=2' } }],
    ['token', { headers: { authorization: 'Bearer 2' } }],
    ['origin', { headers: { origin: 'https://other.example.com' } }],
    ['page', { headers: { referer: 'https://app.example.com/other' } }],
    ['browser', { headers: { 'user-agent': '2' } }],
    ['language', { headers: { 'accept-language': 'de' } }],
    ['chosen header', { headers: { 'x-tenant': '2' } }],
    ['field', { fields: { as: '2' } }],
    ['channel', {}, 'private-orders.8'],
  ])('are not for another %s', async (_, caller, channel) => {
    await using application = await Application.start(answering(200, '', keep));
    using asking = new Asking(application.url, { headers: ['X-Tenant'] });
    await asking.ask();
    await asking.ask(caller, channel);
    expect(application.asked).toHaveLength(2);
  });

  it.each(['*', 'Origin, *', 'X-Forwarded-For'])('are not those that vary by more: %s', async (vary) => {
    await using application = await Application.start(answering(200, '', { ...keep, vary }));
    using asking = new Asking(application.url);
    await asking.ask();
    await asking.ask();
    expect(application.asked).toHaveLength(2);
  });

  it('are kept no longer than they hold', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await using application = await Application.start(answering(200, { exp: nowSeconds() + 30 }, keep));
    using asking = new Asking(application.url);
    await asking.ask();
    vi.setSystemTime(Date.now() + 28_000);
    await asking.ask();
    expect(application.asked).toHaveLength(1);
    vi.setSystemTime(Date.now() + 2000);
    application.behaviour = answering(200);
    await asking.ask();
    expect(application.asked).toHaveLength(2);
  });

  it('are for every socket of the same user', async () => {
    await using application = await Application.start(answering(200, '', keep));
    using asking = new Asking(application.url);
    await asking.ask({ headers: { cookie: 'session=1' }, address: '10.0.0.1' });
    await asking.ask({ headers: { cookie: 'session=1' }, address: '10.0.0.2' });
    expect(application.asked).toHaveLength(1);
  });
});

describe('the log', () => {
  it('has the first failure of an outage, and nothing of the request', async () => {
    await using application = await Application.start(answering(500));
    using asking = new Asking(application.url);
    const headers = { cookie: 'session=hush', authorization: 'Bearer hush' };
    for (let n = 0; n < 2; n += 1) await expect(asking.ask({ headers })).rejects.toMatchObject({ status: 503 });
    application.behaviour = answering(200);
    await asking.ask({ headers });
    application.behaviour = answering(500);
    await expect(asking.ask({ headers })).rejects.toMatchObject({ status: 503 });
    expect(asking.logged.map(({ level }) => level)).toEqual([40, 20, 40]);
    expect(asking.logged[0]).toMatchObject({
      msg: 'the application gave no answer',
      upstream: new URL(application.url).origin,
      cause: 'The application failed (500).',
    });
    expect(JSON.stringify(asking.logged)).not.toContain('hush');
  });
});
