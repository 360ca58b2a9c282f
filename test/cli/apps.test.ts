// fanfare apps against a running server whose apps are in a file.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apps } from '../../src/cli/apps.ts';
import { UsageError } from '../../src/cli/command.ts';
import { admin, adminToken } from '../http/support/admin.ts';
import { api } from '../support/api.ts';
import { freePort } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { run } from './recording-edge.ts';

const folder = mkdtempSync(join(tmpdir(), 'fanfare-cli-apps-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
async function start() {
  files += 1;
  const appStore = { driver: 'file', file: join(folder, `${files}.json`) } as const;
  const server = await startServer({}, { appStore, admin: { tokens: [adminToken] } });
  const ask = async (...args: string[]) => {
    const asked = run(apps, [...args, '--url', server.url], { env: { FANFARE_ADMIN_TOKEN: adminToken } });
    return { code: await asked.code, out: asked.out, err: asked.err };
  };
  return { server, ask, [Symbol.asyncDispose]: () => server.stop() };
}

const fieldOf = (lines: readonly string[], name: string) =>
  lines.find((line) => line.startsWith(`${name} `))?.split(/ +/)[1] ?? '';

describe('fanfare apps', () => {
  it('creates an app, whose key and secret work at once, and lists it', async () => {
    await using running = await start();
    const { server, ask } = running;
    const created = await ask('create', 'chat', '--name', 'Chat', '--settings', '{"clientEvents":true}');
    expect([created.code, created.err]).toEqual([0, []]);
    const [key, secret] = [fieldOf(created.out, 'key'), fieldOf(created.out, 'secret')];
    expect(created.out).toEqual(['id      chat', `key     ${key}`, `secret  ${secret}`]);
    const asked = { query: { auth_key: key }, secret };
    expect((await api(server, 'GET', '/apps/chat/channels', asked)).status).toBe(200);
    expect((await ask('list')).out).toEqual([`id    key`, `chat  ${key}  Chat`]);
    expect((await admin(server, 'GET', '/apps/chat')).json).toMatchObject({ app: { clientEvents: true } });
  });

  it('prints names that would break a line, or talk to the terminal, in one line', async () => {
    await using running = await start();
    const created = await running.ask('create', 'chat', '--name', 'a\u001b[31m\nb');
    const key = fieldOf(created.out, 'key');
    expect((await running.ask('list')).out).toEqual(['id    key', `chat  ${key}  a\\u001b[31m\\nb`]);
  });

  it('rotates a pair: both are good for a while', async () => {
    await using running = await start();
    const { server, ask } = running;
    const created = await ask('create', 'chat');
    const rotated = await ask('rotate', 'chat', '--overlap', '60');
    expect(rotated.code).toBe(0);
    const [key, secret] = [fieldOf(rotated.out, 'key'), fieldOf(rotated.out, 'secret')];
    const old = [fieldOf(created.out, 'key'), fieldOf(created.out, 'secret')] as const;
    expect(rotated.out[2]).toMatch(new RegExp(`^${old[0]} is good until \\d{4}-`));
    for (const [k, s] of [[key, secret], old] as const) {
      const answer = await api(server, 'GET', '/apps/chat/channels', { query: { auth_key: k }, secret: s });
      expect(answer.status).toBe(200);
    }
    expect((await ask('list')).out[1]).toMatch(new RegExp(`^chat  ${key}  also ${old[0]} until `));
  });

  it('disables and enables an app', async () => {
    await using running = await start();
    const { ask } = running;
    await ask('create', 'chat');
    expect((await ask('disable', 'chat')).out).toEqual(['chat is disabled']);
    expect((await ask('list')).out[1]).toMatch(/ {2}disabled$/);
    expect((await ask('enable', 'chat')).out).toEqual(['chat is enabled']);
    expect((await ask('list')).out[1]).not.toContain('disabled');
  });

  it('says what the server does not allow, and ends with 1', async () => {
    await using running = await start();
    const { server, ask } = running;
    await ask('create', 'chat');
    expect(await ask('create', 'chat')).toEqual({
      code: 1,
      out: [],
      err: [`fanfare: ${server.url} answered 409 There is an app chat already.`],
    });
    expect((await ask('rotate', 'nobody')).err[0]).toContain('404');
    expect((await ask('create', 'a b')).err[0]).toContain('400 Invalid id: may hold letters');
    expect((await ask('list', '--token', 'a-token-that-is-of-nobody')).err[0]).toContain('401 This is no token');
    const url = `http://127.0.0.1:${await freePort()}`;
    const nowhere = run(apps, ['list', '--url', url, '--token', adminToken]);
    expect([await nowhere.code, nowhere.err]).toEqual([
      1,
      [`fanfare: cannot reach ${url}: connection refused, is the server running?`],
    ]);
  });

  it.each([
    ['<!doctype html><title>Shop</title>', ['list']],
    ['null', ['list']],
    ['{"status":"ok"}', ['list']],
    ['{"status":"ok"}', ['create', 'chat']],
    ['{"status":"ok"}', ['rotate', 'chat']],
    ['{"status":"ok"}', ['disable', 'chat']],
  ])('is answered by somebody else with %s to %j', async (page, args) => {
    await using stranger = createServer((_, response) => void response.end(page));
    await once(stranger.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const asked = run(apps, [...args, '--url', url, '--token', adminToken]);
    expect([await asked.code, asked.out, asked.err]).toEqual([
      1,
      [],
      [`fanfare: ${url} answered 200 with something that is not the admin API: is this the address of Fanfare?`],
    ]);
  });

  it.each<[string[], string]>([
    [[], 'what about the apps? list, create, rotate, disable or enable'],
    [['list', 'x'], 'unexpected argument "x"'],
    [['create'], 'the app’s ID is missing'],
    [['create', 'a', 'b'], 'unexpected argument "b"'],
    [['remove', 'a'], 'unknown action "remove": list, create, rotate, disable or enable'],
    [['bogus'], 'unknown action "bogus": list, create, rotate, disable or enable'],
    [['creat', 'a'], 'unknown action "creat": did you mean create?'],
    [['create', 'a', '--settings', '{"id":"b"}'], '--settings has id, which is given without it already'],
    [
      ['create', 'a', '--name', 'A', '--settings', '{"name":"B"}'],
      '--settings has name, which is given without it already',
    ],
    [['create', 'a', '--settings', '{'], '--settings is not valid JSON'],
    [['create', 'a', '--settings', '[]'], '--settings must be a JSON object'],
    [['rotate', 'a', '--overlap', 'x'], '--overlap must be a whole number of seconds, 0 or more, got "x"'],
    [['rotate', 'a', '--overlap=-5'], '--overlap must be a whole number of seconds, 0 or more, got "-5"'],
    [
      ['rotate', 'a', '--overlap', '-5'],
      '--overlap needs a value, and what follows it begins with "-": such a value is written --overlap=-…',
    ],
    [['list', '--url', 'ftp://x'], '--url must be like http://host:port, got "ftp://x"'],
    [['list'], 'no token: set FANFARE_ADMIN_TOKEN, or give --token'],
    [['list', '--token', 'a\nb'], 'the token has a character that no token of the server has'],
  ])('refuses %j', async (args, message) => {
    await expect(run(apps, args).code).rejects.toThrow(new UsageError(message));
  });
});
