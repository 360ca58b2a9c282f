// fanfare start inside this process: what it prints, and what ends it.

import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { start } from '../../src/cli/start.ts';
import { developmentTokenSecret } from '../../src/config/apps.ts';
import { tokenOf } from '../support/authorization.ts';
import { run } from './recording-edge.ts';

const quiet = ['--port', '0', '--log-level', 'silent'];

describe('fanfare start', () => {
  it('with --dev prints lines that work as they are', async () => {
    const running = run(start, ['--dev', '--path', '/ws', ...quiet]);
    const ready = await running.line(/^Fanfare is ready/);
    const [, url = ''] = /(ws:\/\/127\.0\.0\.1:\d+\/ws\/app\/app-key)$/.exec(ready) ?? [];
    const base = url.replace('ws:', 'http:').replace('/app/app-key', '');
    expect(running.out).toEqual([
      '',
      `Fanfare is ready. Clients connect to ${url}`,
      'App id app-id, key app-key, secret app-secret',
      '',
      'Watch a channel in another terminal:',
      `  npx fanfare listen my-channel --url ${base}`,
      'and send it an event:',
      `  npx fanfare trigger my-channel my-event '{"text":"hello"}' --url ${base}`,
      'or, with a signature that is good for the next 10 minutes:',
      expect.stringMatching(/^ {2}curl -H 'Content-Type: application\/json' -d '\{.*\}' 'http:.*'$/),
      '',
    ]);
    const [, body = '', signed = ''] = / -d '(.*)' '(http:.*)'$/.exec(running.out[9] ?? '') ?? [];
    const response = await fetch(signed, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect([response.status, await response.text()]).toEqual([200, '{}']);
    running.signal('SIGTERM');
    expect(await running.code).toBe(0);
  });

  it('with --dev prints how to start the example against this server', async () => {
    const running = run(start, ['--dev', ...quiet]);
    const ready = await running.line(/^Fanfare is ready/);
    const [, port = ''] = /:(\d+)\/app\/app-key$/.exec(ready) ?? [];
    expect(running.out.slice(-3)).toEqual([
      'A chat to try in the browser:',
      `  PUSHER_PORT=${port} node examples/quickstart/server.js   then open http://127.0.0.1:3000`,
      '',
    ]);
    running.signal('SIGTERM');
    expect(await running.code).toBe(0);
  });

  it('with --dev lets whoever has a token of the development secret join', async () => {
    const running = run(start, ['--dev', ...quiet]);
    const [, host = ''] = /ws:\/\/(.*)\/app\/app-key$/.exec(await running.line(/^Fanfare is ready/)) ?? [];
    const join = async (secret: string) => {
      const token = await tokenOf({ sub: '7', name: 'Ada' }, secret);
      const body = new URLSearchParams({ socket_id: '1.2', channel_name: 'presence-x' });
      const headers = { authorization: `Bearer ${token}` };
      return await fetch(`http://${host}/broadcasting/auth`, { method: 'POST', headers, body });
    };
    const allowed = await join(developmentTokenSecret);
    expect(allowed.status).toBe(200);
    const { channel_data: data } = (await allowed.json()) as { channel_data: string };
    expect(JSON.parse(data)).toEqual({ user_id: '7', user_info: { name: 'Ada' }, exp: expect.any(Number) });
    expect((await join('another secret of thirty-two bytes')).status).toBe(401);
    running.signal('SIGTERM');
    expect(await running.code).toBe(0);
  });

  it('ends at once at a second signal', async () => {
    const running = run(start, ['--dev', ...quiet]);
    await running.line(/^Fanfare is ready/);
    running.signal('SIGTERM');
    running.signal('SIGINT');
    running.signal('SIGTERM');
    expect(running.exits).toEqual([130, 143]);
    expect(await running.code).toBe(0);
  });

  it.each(['1', '2'])('ends as it should when it is told to stop before it is up, with %s workers', async (workers) => {
    const running = run(start, ['--dev', '--workers', workers, ...quiet]);
    running.signal('SIGTERM');
    expect(await running.code).toBe(0);
    expect([running.out, running.err]).toEqual([[], []]);
  });

  it('goes on after an unhandled rejection, and stops with 70 after an uncaught exception', async () => {
    const running = run(start, ['--dev', ...quiet]);
    const [url = ''] = /ws:.*$/.exec(await running.line(/^Fanfare is ready/)) ?? [];
    running.rejected(new Error('a bug'));
    const health = await fetch(url.replace('ws:', 'http:').replace('/app/app-key', '/health'));
    expect(health.status).toBe(200);
    running.uncaught(new Error('another'));
    expect(await running.code).toBe(70);
    expect(running.exits).toEqual([]);
  });

  it('says that the port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, err } = run(start, ['--dev', '--port', String(port), '--log-level', 'silent']);
    expect(await code).toBe(1);
    expect(err).toEqual([`fanfare: port ${port} is already in use: choose another with --port or FANFARE_PORT`]);
    taken.close();
  });

  it('starts nothing with a bad configuration', async () => {
    const { code, err, out } = run(start, ['--port', 'x', '--dev']);
    expect(await code).toBe(78);
    expect(err).toEqual([
      'fanfare: the configuration has a mistake, so nothing was started:',
      '  port (--port): expected a whole number, got "x"',
    ]);
    expect(out).toEqual([]);
  });
});
