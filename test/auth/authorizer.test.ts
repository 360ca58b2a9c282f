// Who is asked in which order, and what becomes of their answers: real tokens, a real application, and the rules.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { AppAuthorizer, type Cluster } from '../../src/auth/authorizer.ts';
import { type App, appSchema } from '../../src/core/app.ts';
import type { Caller } from '../../src/core/authorization.ts';
import { requestErrors } from '../../src/protocol/errors.ts';
import { tokenOf, tokenSecret } from '../support/authorization.ts';

type AuthInput = NonNullable<z.input<typeof appSchema>['auth']>;

const SOCKET = '1.2';
const bearer = { secret: tokenSecret, userInfo: { name: 'name' } };
const anywhere: Cluster = { appIdOf: () => undefined, deniedSeconds: async () => 0 };

function appWith(auth: AuthInput): App {
  return appSchema.parse({ id: 'app-id', key: 'app-key', secret: 'app-secret', auth });
}

function authorizerOf(cluster: Cluster = anywhere): AppAuthorizer {
  return new AppAuthorizer(cluster, pino({ level: 'silent' }));
}

async function callerWith(claims?: Record<string, unknown>): Promise<Caller> {
  const headers = claims === undefined ? {} : { authorization: `Bearer ${await tokenOf(claims)}` };
  return { headers: { cookie: 'session=1', ...headers }, address: '127.0.0.1', encoding: 'form', fields: {} };
}

interface Application extends AsyncDisposable {
  readonly url: string;
  readonly asked: number;
}

/** The application: what it answers to everything. */
async function startApplication(status: number, answer?: object): Promise<Application> {
  let asked = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked += 1;
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(answer === undefined ? '' : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/broadcasting/auth`,
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const channelData = async (
  auth: AuthInput,
  channel: string,
  claims?: Record<string, unknown>,
  cluster?: Cluster,
): Promise<unknown> => {
  const authorizer = authorizerOf(cluster);
  try {
    const grant = await authorizer.authorizeChannel(appWith(auth), await callerWith(claims), SOCKET, channel);
    return grant.channel_data === undefined ? grant : JSON.parse(grant.channel_data);
  } finally {
    authorizer.stop();
  }
};

const lobby = { channel: 'presence-lobby', allow: 'authenticated' as const };
const orders = { channel: 'presence-orders.*', allow: 'upstream' as const };

describe('the order of sources', () => {
  it('a token that is recognised decides, the application is not asked', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth = { bearer, upstream: { url: application.url }, rules: [lobby] };
    expect(await channelData(auth, 'presence-lobby', { sub: '7', name: 'Ada' })).toEqual({
      user_id: '7',
      user_info: { name: 'Ada' },
    });
    expect(application.asked).toBe(0);
  });

  it('a token that is recognised and not valid is refused, whatever the application would say', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth = { bearer, upstream: { url: application.url }, rules: [lobby] };
    await expect(channelData(auth, 'presence-lobby', { sub: '7', exp: 1 })).rejects.toMatchObject({
      status: 401,
      message: 'The token has expired.',
    });
    expect(application.asked).toBe(0);
  });

  it('without a token the application says who it is', async () => {
    await using application = await startApplication(200, { user_id: 8, user_info: { name: 'Bob' } });
    const auth = { bearer, upstream: { url: application.url }, rules: [lobby] };
    expect(await channelData(auth, 'presence-lobby')).toEqual({ user_id: '8', user_info: { name: 'Bob' } });
  });

  it('where the application is first, the token is for those it does not know', async () => {
    await using application = await startApplication(401);
    const auth: AuthInput = {
      order: ['upstream', 'bearer'],
      bearer,
      upstream: { url: application.url },
      rules: [lobby],
    };
    expect(await channelData(auth, 'presence-lobby', { sub: '7' })).toMatchObject({ user_id: '7' });
    await expect(channelData(auth, 'presence-lobby')).rejects.toMatchObject({
      status: 401,
      message: 'No token: send it as Authorization: Bearer TOKEN.',
    });
    expect(application.asked).toBe(2);
  });

  it('an application that refuses or fails is not followed by the token', async () => {
    for (const [answered, status] of [
      [403, 403],
      [500, 503],
    ] as const) {
      await using application = await startApplication(answered);
      const auth: AuthInput = {
        order: ['upstream', 'bearer'],
        bearer,
        upstream: { url: application.url },
        rules: [lobby],
      };
      await expect(channelData(auth, 'presence-lobby', { sub: '7' })).rejects.toMatchObject({ status });
    }
  });

  it('a source that is not in the order does not say who it is', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth: AuthInput = { order: ['bearer'], bearer, upstream: { url: application.url }, rules: [orders] };
    await expect(channelData(auth, 'presence-orders.1')).rejects.toMatchObject({ status: 401 });
    expect(await channelData(auth, 'presence-orders.1', { sub: '8' })).toMatchObject({ user_id: '8' });
  });
});

describe('allow: upstream', () => {
  it('asks the application about a user known by token, and takes the info it gives', async () => {
    await using application = await startApplication(200, { user_info: { role: 'buyer' } });
    const auth = { bearer, upstream: { url: application.url }, rules: [orders] };
    expect(await channelData(auth, 'presence-orders.1', { sub: '7', name: 'Ada' })).toEqual({
      user_id: '7',
      user_info: { role: 'buyer' },
    });
    expect(application.asked).toBe(1);
  });

  it('keeps the token’s info where the application gives none', async () => {
    await using application = await startApplication(204);
    const auth = { bearer, upstream: { url: application.url }, rules: [orders] };
    expect(await channelData(auth, 'presence-orders.1', { sub: '7', name: 'Ada' })).toMatchObject({
      user_info: { name: 'Ada' },
    });
  });

  it('refuses when the application names another user than the token', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth = { bearer, upstream: { url: application.url }, rules: [orders] };
    await expect(channelData(auth, 'presence-orders.1', { sub: '7' })).rejects.toMatchObject({
      status: 403,
      message: 'The application answered for another user than the token names.',
    });
  });

  it('refuses as the application does', async () => {
    await using application = await startApplication(404);
    const auth = { bearer, upstream: { url: application.url }, rules: [orders] };
    await expect(channelData(auth, 'presence-orders.1', { sub: '7' })).rejects.toMatchObject({ status: 403 });
  });

  it('asks an application that said who it is only once', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth = { upstream: { url: application.url }, rules: [orders] };
    expect(await channelData(auth, 'presence-orders.1')).toEqual({ user_id: '8', user_info: {} });
    expect(application.asked).toBe(1);
  });

  it('holds the user to the claims of the pattern as well', async () => {
    await using application = await startApplication(200, { user_id: '8', team: 'red' });
    const rules = [{ channel: 'private-team.{team}', allow: 'upstream' as const }, { channel: 'private-of.{user_id}' }];
    const auth = { upstream: { url: application.url }, rules };
    expect(await channelData(auth, 'private-team.red')).toHaveProperty('auth');
    expect(await channelData(auth, 'private-of.8')).toHaveProperty('auth');
    await expect(channelData(auth, 'private-team.blue')).rejects.toMatchObject({ status: 403 });
  });
});

describe('refuses', () => {
  it('a channel of no rule before the application is asked', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth = { upstream: { url: application.url }, rules: [lobby] };
    await expect(channelData(auth, 'private-x')).rejects.toMatchObject({
      status: 403,
      message: 'No rule names the channel private-x.',
    });
    expect(application.asked).toBe(0);
  });

  it('a presence channel where the application allows and names nobody', async () => {
    await using application = await startApplication(200);
    const auth = { upstream: { url: application.url }, rules: [lobby] };
    await expect(channelData(auth, 'presence-lobby')).rejects.toMatchObject({
      status: 403,
      message: 'The channel presence-lobby needs a user, and the request names none.',
    });
  });

  it('a user who was removed from the channel, with the seconds that are left', async () => {
    const cluster = { ...anywhere, deniedSeconds: async () => 42 };
    await expect(
      channelData({ bearer, rules: [lobby] }, 'presence-lobby', { sub: '7' }, cluster),
    ).rejects.toMatchObject({
      status: 403,
      message: 'This user was removed from presence-lobby and may join again in 42 seconds.',
    });
  });

  it('everybody while it cannot be known who was removed', async () => {
    const cluster = { ...anywhere, deniedSeconds: () => Promise.reject(requestErrors.unavailable()) };
    await expect(
      channelData({ bearer, rules: [lobby] }, 'presence-lobby', { sub: '7' }, cluster),
    ).rejects.toMatchObject({
      status: 503,
    });
  });

  it('a sign-in through an application that has no address for it', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const authorizer = authorizerOf();
    const app = appWith({ upstream: { url: application.url }, rules: [lobby] });
    await expect(authorizer.authenticateUser(app, await callerWith(), SOCKET)).rejects.toMatchObject({
      status: 403,
      message: 'Signing in is not configured: set auth.upstream.userUrl.',
    });
    authorizer.stop();
  });
});

describe('a token that names no user', () => {
  const team = { channel: 'private-team.{team}' };
  const open = { channel: 'private-*', allow: 'authenticated' as const };

  it('is enough where a claim decides', async () => {
    const auth = { bearer, rules: [team, open] };
    expect(await channelData(auth, 'private-team.red', { team: 'red' })).toHaveProperty('auth');
  });

  it.each<[what: string, auth: Partial<AuthInput>, channel: string]>([
    ['known users are meant', {}, 'private-x'],
    ['grants must be named', { grants: 'named' }, 'private-team.red'],
    ['grants must be named and end', { grants: 'expiring' }, 'private-team.red'],
  ])('is refused where %s', async (_, settings, channel) => {
    const auth = { bearer: { ...bearer, userId: 'uid' }, rules: [team, open], ...settings };
    await expect(channelData(auth, channel, { sub: '7', team: 'red' })).rejects.toMatchObject({
      status: 403,
      message: 'The token names no user: it has no claim uid.',
    });
  });

  it('is completed by the application where that is asked', async () => {
    await using application = await startApplication(200, { user_id: '8' });
    const auth: AuthInput = { bearer, upstream: { url: application.url }, rules: [orders], grants: 'named' };
    expect(await channelData(auth, 'presence-orders.1', { team: 'red' })).toMatchObject({ user_id: '8' });
  });
});

describe('the end of a grant', () => {
  const rules = [lobby, orders];
  const soon = () => Math.floor(Date.now() / 1000) + 300;

  it('is the earlier one of the token and the application', async () => {
    const [earlier, later] = [soon(), soon() + 100];
    for (const [token, answer] of [
      [earlier, later],
      [later, earlier],
    ]) {
      await using application = await startApplication(200, { exp: answer });
      const auth: AuthInput = { bearer, upstream: { url: application.url }, rules, grants: 'expiring' };
      const claims = { sub: '7', exp: token };
      expect(await channelData(auth, 'presence-orders.1', claims)).toMatchObject({ exp: earlier });
    }
  });

  it('is the application’s where that alone knows the user, also within channel_data', async () => {
    const exp = soon();
    await using application = await startApplication(200, { channel_data: JSON.stringify({ user_id: '8', exp }) });
    const auth: AuthInput = { upstream: { url: application.url }, rules, grants: 'expiring' };
    expect(await channelData(auth, 'presence-lobby')).toEqual({ user_id: '8', user_info: {}, exp });
  });

  it('is not past: the tolerance for clocks would have the grant end and be asked for without end', async () => {
    const exp = Math.floor(Date.now() / 1000) - 2;
    const auth = { bearer, rules: [lobby] };
    expect(await channelData(auth, 'presence-lobby', { sub: '7', exp })).toMatchObject({ user_id: '7' });
    await expect(
      channelData({ ...auth, grants: 'expiring' }, 'presence-lobby', { sub: '7', exp }),
    ).rejects.toMatchObject({ status: 401, message: 'The token has expired.' });
  });
});

describe('sign-ins', () => {
  it('through the application: user_data with its watchlist', async () => {
    await using application = await startApplication(200, { user_data: '{"id":"8","watchlist":["7"]}' });
    const authorizer = authorizerOf();
    const app = appWith({ upstream: { url: application.url, userUrl: application.url } });
    const { user_data } = await authorizer.authenticateUser(app, await callerWith(), SOCKET);
    expect(JSON.parse(user_data)).toEqual({ id: '8', watchlist: ['7'] });
    authorizer.stop();
  });
});

describe('an app whose settings changed', () => {
  it('is asked by the new ones', async () => {
    const authorizer = authorizerOf();
    const caller = await callerWith({ sub: '7' });
    const before = appWith({ bearer, rules: [lobby] });
    await authorizer.authorizeChannel(before, caller, SOCKET, 'presence-lobby');
    const after = appWith({ bearer: { secret: 'x'.repeat(32) }, rules: [lobby] });
    await expect(authorizer.authorizeChannel(after, caller, SOCKET, 'presence-lobby')).rejects.toMatchObject({
      status: 401,
      message: 'The signature of the token is not valid.',
    });
    authorizer.stop();
  });

  it('keeps what was learned when something else of it changed, and nothing once it is gone or has no auth', async () => {
    await using application = await startApplication(500);
    const authorizer = authorizerOf();
    const caller = await callerWith();
    const app = appWith({
      upstream: { url: application.url, breakAfterFailures: 1, breakSeconds: 60 },
      rules: [lobby],
    });
    const asks = async (as: App) => {
      const before = application.asked;
      const asking = authorizer.authorizeChannel(as, caller, SOCKET, 'presence-lobby');
      await expect(asking).rejects.toMatchObject({ status: 503 });
      return application.asked - before;
    };
    expect(await asks(app)).toBe(1);
    const renamed = structuredClone({ ...app, name: 'renamed' });
    authorizer.appsChanged(new Map([[app.id, renamed]]));
    expect(await asks(renamed)).toBe(0);
    authorizer.appsChanged(new Map([[app.id, undefined]]));
    expect(await asks(app)).toBe(1);
    const { auth: _, ...bare } = app;
    authorizer.appsChanged(new Map([[app.id, bare]]));
    expect(await asks(app)).toBe(1);
    authorizer.stop();
  });
});
