// fanfare trigger against the real server.
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { signedUrl } from '../../src/cli/signed-request.ts';
import { trigger } from '../../src/cli/trigger.ts';
import { Client } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { type Given, run } from './recording-edge.ts';

async function connected(server: Awaited<ReturnType<typeof startServer>>): Promise<Client> {
  const client = new Client(server);
  const { data } = await client.nextOf('pusher:connection_established');
  client.socketId = JSON.parse(String(data)).socket_id;
  return client;
}

async function result(args: readonly string[], given?: Given) {
  const { code, out, err } = run(trigger, args, given);
  return { code: await code, out, err };
}

describe('the signature', () => {
  it('is that of the public test vector, without the prefix', () => {
    const url = signedUrl({
      url: 'http://h/prefix',
      key: '278d425bdf160c739803',
      secret: '7ad3773142a6692b25b8',
      method: 'POST',
      path: '/apps/3/events',
      body: '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}',
      nowMs: 1_353_088_179_999,
    });
    expect(url).toBe(
      'http://h/prefix/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0' +
        '&body_md5=ec365a775a4cd0599faeb73354201b6f' +
        '&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
    );
  });
});

describe('fanfare trigger', () => {
  it('sends DATA as it is, below a path prefix, and prints the answer', async () => {
    await using server = await startServer({}, { path: '/ws' });
    await using client = await connected(server);
    await client.joined('a');
    const data = '{ "text": "héllo" }';
    expect(await result(['a', 'e', data, '--url', `${server.url}/`])).toEqual({ code: 0, out: ['200 {}'], err: [] });
    expect(await client.nextOf('e')).toEqual({ event: 'e', channel: 'a', data });
  });

  it('sends text that is no JSON, from the standard input, to several channels but not to --socket-id', async () => {
    await using server = await startServer();
    await using sender = await connected(server);
    await using other = await connected(server);
    for (const client of [sender, other]) for (const channel of ['a', 'b']) await client.joined(channel);
    const args = ['a,b', 'e', '-', '--url', server.url, '--socket-id', sender.socketId];
    expect(await result(args, { input: 'not\njson' })).toMatchObject({ code: 0 });
    expect(await other.nextOf('e')).toEqual({ event: 'e', channel: 'a', data: 'not\njson' });
    expect(await other.nextOf('e')).toEqual({ event: 'e', channel: 'b', data: 'not\njson' });
    await sender.expectNothing();
  });

  it('ends with 1 and the server’s words when the event is not accepted', async () => {
    await using server = await startServer();
    expect(await result(['no spaces', 'e', 'd', '--url', server.url])).toEqual({
      code: 1,
      out: [],
      err: [`fanfare: ${server.url} answered 400 Invalid channel name no spaces`],
    });
  });

  it('takes the app from options before the environment, and that before the development app', async () => {
    await using server = await startServer({ id: '7', key: 'k7', secret: 's7' });
    const file = join(await mkdtemp(join(tmpdir(), 'fanfare-')), '.env');
    writeFileSync(file, 'REVERB_APP_ID=7\nREVERB_APP_KEY=k7\nREVERB_APP_SECRET="s7"\n');
    const args = ['a', 'e', 'd', '--url', server.url];
    const env = { PUSHER_APP_ID: '7', PUSHER_APP_KEY: 'k7', PUSHER_APP_SECRET: 's7' };
    const wrong = { ...env, PUSHER_APP_SECRET: 'wrong' };
    expect(await result(args, { env })).toMatchObject({ code: 0 });
    expect(await result([...args, '--env-file', file])).toMatchObject({ code: 0 });
    expect(await result(args, { env: wrong })).toMatchObject({ code: 1 });
    expect(await result([...args, '--secret', 's7'], { env: wrong })).toMatchObject({ code: 0 });
    expect((await result(args)).err[0]).toContain('404 No matching application for ID [app-id].');
  });

  it('does not try the development app elsewhere', async () => {
    await expect(result(['a', 'e', 'd', '--url', 'https://example.com'])).rejects.toThrow(
      new UsageError(
        'which app? Give --app-id, --key, --secret, or set PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET ' +
          '(--env-file reads a .env)',
      ),
    );
  });

  it('says that nobody answers', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => void closed.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    expect(await result(['a', 'e', 'd', '--url', url])).toEqual({
      code: 1,
      out: [],
      err: [`fanfare: cannot reach ${url}: connection refused, is the server running?`],
    });
  });

  it.each([
    [['a', 'e'], 'CHANNEL, EVENT and DATA are needed'],
    [['a', 'e', 'two', 'words'], 'unexpected argument "words": put DATA with spaces in quotes'],
    [['a', 'e', 'd', '--url', 'localhost:8080'], '--url must be like http://host:port, got "localhost:8080"'],
    [['a', 'e', 'd', '--socket-id', '12'], '--socket-id must be like 1234.5678, got "12"'],
    [['a', 'e', 'd', '--sockt-id', '1.2'], "unknown option '--sockt-id'"],
    [['a', 'e', 'd', '--key'], "option '--key <value>' argument missing"],
    [['a', 'e', 'd', '--env-file', '/nope'], '--env-file: cannot read /nope: there is no such file'],
  ])('refuses %j', async (args, message) => {
    await expect(result(args)).rejects.toThrow(new UsageError(message));
  });
});
