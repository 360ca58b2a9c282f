// Several key pairs of an app, over HTTP and WebSocket; and apps that change while a request is under way.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, signed } from '../support/api.ts';
import { ask, tokenOf, tokenSecret } from '../support/authorization.ts';
import { Client, connect } from '../support/client.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';

const further = { key: 'further', secret: 'further-secret' };
const ended = { key: 'ended', secret: 'ended-secret', notAfter: '2020-01-01T01:00:00+01:00' };
const auth = { bearer: { secret: tokenSecret }, rules: [{ channel: '*', allow: 'authenticated' as const }] };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ keys: [further, ended], auth });
});
afterAll(() => server.stop());

const as = ({ key, secret }: { key: string; secret: string }) => ({ query: { auth_key: key }, secret });

describe('a further pair', () => {
  test.each(['/apps/app-id/channels', '/stats'])('signs requests to %s, with its own secret only', async (path) => {
    expect((await api(server, 'GET', path, as(further))).status).toBe(200);
    const { status, text } = await api(server, 'GET', path, as({ ...further, secret: credentials.secret }));
    expect([status, text]).toEqual([401, expect.stringMatching(/^Invalid signature/)]);
  });

  test('opens sockets and signs their joins', async () => {
    await using client = await connect(server, { key: further.key });
    const hmac = createHmac('sha256', further.secret).update(`${client.socketId}:private-x`).digest('hex');
    client.send({ event: 'pusher:subscribe', data: { channel: 'private-x', auth: `${further.key}:${hmac}` } });
    expect(await client.next()).toMatchObject({ event: 'pusher_internal:subscription_succeeded' });
  });

  test('is a path of the authorization endpoint, which signs with the current one', async () => {
    const body = new URLSearchParams({ socket_id: '1.2', channel_name: 'private-x' });
    const at = (key: string) => ask(server, body, { token, path: `/broadcasting/auth/${key}` });
    const token = await tokenOf({ sub: '7' });
    const hmac = createHmac('sha256', credentials.secret).update('1.2:private-x').digest('hex');
    expect((await at(further.key)).json).toEqual({ auth: `${credentials.key}:${hmac}` });
    expect((await at(ended.key)).status).toBe(404);
  });
});

describe('a pair that has ended', () => {
  test('is no key of the app, which a request is told with the time', async () => {
    const text = 'Unknown auth_key: ended is not a key of this app any more, it ended at 2020-01-01T01:00:00+01:00';
    expect(await api(server, 'GET', '/apps/app-id/channels', as(ended))).toMatchObject({ status: 401, text });
    expect(await api(server, 'GET', '/stats', as(ended))).toMatchObject({
      status: 401,
      text: 'Unknown auth_key: ended, which ended at 2020-01-01T01:00:00+01:00',
    });
  });

  test('opens no socket', async () => {
    await using client = new Client(server, { key: ended.key });
    expect(await client.closed).toEqual({ code: 4001, reason: 'Application does not exist' });
  });
});

test.each(['/apps/app-id/channels', '/stats'])('an unknown key is refused at %s as it was', async (path) => {
  const { status, text } = await api(server, 'GET', path, as({ key: 'none', secret: 's' }));
  expect([status, text]).toEqual([401, expect.stringMatching(/^Unknown auth_key: none( is not a key of this app)?$/)]);
});

describe('a server whose apps are in a file', () => {
  async function startWithFile() {
    const folder = await mkdtemp(join(tmpdir(), 'fanfare-live-'));
    const file = join(folder, 'apps.json');
    const write = async (text: string) => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    await write(JSON.stringify({ apps: [credentials] }));
    const live = await startServer({}, { appStore: { driver: 'file', file }, development: true });
    const dispose = async () => {
      await live.stop();
      await rm(folder, { recursive: true });
    };
    return { live, write, [Symbol.asyncDispose]: dispose };
  }

  test('checks a request by the app as it is when its body has come', async () => {
    await using place = await startWithFile();
    const { live, write } = place;
    const body = JSON.stringify({ name: 'e', channel: 'news', data: 'd' });
    const path = signed('POST', '/apps/app-id/events', body);
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const asking = request({ host: '127.0.0.1', port: live.port, method: 'POST', path, headers });
    asking.write(body.slice(0, 5));
    await connect(live).then((client) => client.leave());
    await write(JSON.stringify({ apps: [{ ...credentials, secret: 'another' }] }));
    await live.line(({ msg }) => msg === 'an app changed');
    asking.end(body.slice(5));
    const [answer] = await once(asking, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(401);
  });

  test('says on /ready why changes are not noticed, and is ready', async () => {
    await using place = await startWithFile();
    const { live, write } = place;
    const ready = async () => {
      const response = await fetch(`${live.url}/ready`);
      return [response.status, await response.json()];
    };
    expect(await ready()).toEqual([200, { status: 'ready' }]);
    await write('oops');
    await live.line(({ msg }) => msg === 'changes of apps are not noticed for now');
    expect(await ready()).toEqual([
      200,
      { status: 'ready', apps: expect.stringMatching(/^Changes of apps are not noticed since .* is not valid JSON$/) },
    ]);
    await write(JSON.stringify({ apps: [] }));
    await live.line(({ msg }) => msg === 'changes of apps are noticed again');
    expect(await ready()).toEqual([200, { status: 'ready' }]);
  });

  test('does not start where the file cannot be read', async () => {
    const appStore = { driver: 'file' as const, file: '/nowhere/apps.json' };
    await expect(startServer({}, { appStore })).rejects.toThrow(
      'the apps cannot be read: /nowhere/apps.json cannot be made: its folder does not exist',
    );
  });
});
