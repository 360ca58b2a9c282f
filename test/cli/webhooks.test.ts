// fanfare webhooks listen: what it prints and answers, to the real server and to others.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { webhooks } from '../../src/cli/webhooks.ts';
import { connect } from '../support/client.ts';
import { Program } from '../support/program.ts';
import { startServer } from '../support/server.ts';
import { type Run, run } from './recording-edge.ts';

async function listening(...args: string[]): Promise<{ running: Run; url: string }> {
  const running = run(webhooks, ['listen', '--port', '0', ...args]);
  const line = await running.line(/^# receiving webhooks/);
  return { running, url: line.replace(/.* at /, '') };
}

async function end(running: Run): Promise<void> {
  running.signal('SIGINT');
  expect(await running.code).toBe(0);
}

const body = '{"time_ms":1,"events":[{"id":"1","name":"member_added","channel":"presence-a","user_id":"7"}]}';
const signature = (text: string, secret = 'app-secret') => createHmac('sha256', secret).update(text).digest('hex');

async function post(url: string, text = body, headers: Record<string, string> = {}): Promise<[number, string]> {
  const signed = { 'X-Pusher-Key': 'app-key', 'X-Pusher-Signature': signature(text), ...headers };
  const response = await fetch(url, { method: 'POST', body: text, headers: signed });
  return [response.status, (await response.text()).trim()];
}

const withoutTime = (line: string) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, '');

describe('fanfare webhooks listen', () => {
  it('as a program prints each event of a server, and ends with 0 at a signal', async () => {
    const program = ['dist/main.js', 'webhooks', 'listen', '--port', '0', '--path', '/hook'];
    await using listener = new Program('node', program);
    const [, url = ''] = await listener.line(/^# receiving webhooks of app key app-key at (\S+)$/);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/hook$/);
    await using server = await startServer({ clientEvents: true, webhooks: [{ url, vacatedDelayMs: 0 }] });
    await using client = await connect(server);
    await client.joined('presence-a', { user_id: '7' });
    client.send({ event: 'client-x', channel: 'presence-a', data: { text: 'a\nb' } });
    await listener.line(/^\d\d:\d\d:\d\d\.\d{3} {2}channel_occupied {2}presence-a$/);
    await listener.line(/ {2}member_added {2}presence-a {2}user_id=7$/);
    await listener.line(
      / {2}client_event {2}presence-a {2}event=client-x {2}data=\{"text":"a\\nb"\} {2}socket_id=\d+\.\d+ {2}user_id=7$/,
    );
    listener.signal('SIGTERM');
    expect(await listener.exit()).toBe(0);
  });

  it('prints what it takes, without what could talk to the terminal', async () => {
    const { running, url } = await listening();
    const events = [
      { id: '1', name: 'subscription_count', channel: 'a', subscription_count: 3 },
      { id: '2', name: 'connection_closed', channel: '', socket_id: '1.1\u001b[2J' },
    ];
    expect(await post(url, JSON.stringify({ time_ms: 1, events }))).toEqual([200, 'OK']);
    expect(running.out.map(withoutTime)).toEqual([
      'subscription_count  a  subscription_count=3',
      'connection_closed  socket_id=1.1\\u001b[2J',
    ]);
    await end(running);
  });

  it('takes the app that is named', async () => {
    const { running, url } = await listening('--key', 'mine', '--secret', 'hush');
    const headers = { 'X-Pusher-Key': 'mine', 'X-Pusher-Signature': signature(body, 'hush') };
    expect(await post(url, body, headers)).toEqual([200, 'OK']);
    await end(running);
  });

  it.each([
    ['a wrong signature', body, { 'X-Pusher-Signature': signature('x') }, 'the signature is wrong: another secret, or'],
    ['another app', body, { 'X-Pusher-Key': 'b' }, 'it is signed with the key "b", and app-key is expected'],
    ['what is no webhook', '{"a":1}', {}, 'the body is no webhook: expected {"time_ms":…,"events":[…]}'],
  ])('refuses %s, and says why', async (_, text, headers, reason) => {
    const { running, url } = await listening();
    const [status, said] = await post(url, text, headers);
    expect([status, said]).toEqual([401, expect.stringContaining(reason)]);
    expect(running.err.at(-1)).toContain(`# refused: ${reason}`);
    expect(running.out).toEqual([]);
    await end(running);
  });

  it('refuses what is not signed at all, and no POST', async () => {
    const { running, url } = await listening();
    const said = async (init: RequestInit) => (await (await fetch(url, init)).text()).trim();
    expect(await said({ method: 'POST', body })).toBe('there is no X-Pusher-Key');
    expect(await said({ method: 'POST', body, headers: { 'X-Pusher-Key': 'app-key' } })).toBe(
      'there is no X-Pusher-Signature',
    );
    expect(await said({})).toBe('a GET, where webhooks are POST');
    await end(running);
  });

  it('refuses bodies without end', async () => {
    const { running, url } = await listening();
    const answered = await post(url, 'x'.repeat(9 * 1024 * 1024)).catch(() => 'cut off');
    expect([[413, 'More than 8388608 bytes.'], 'cut off']).toContainEqual(answered);
    await end(running);
  });

  it('answers one path where it is told to', async () => {
    const { running, url } = await listening('--path', '/hook');
    expect(await post(`${url}?x=1`)).toEqual([200, 'OK']);
    expect((await post(url.replace('/hook', '/other')))[0]).toBe(404);
    expect(running.err.at(-1)).toBe('# 404: POST "/other"');
    await end(running);
  });

  it('says that a port is taken', async () => {
    const { running, url } = await listening();
    const { port } = new URL(url);
    const second = run(webhooks, ['listen', '--port', port]);
    expect(await second.code).toBe(1);
    expect(second.err).toEqual([`fanfare: cannot listen on port ${port}: it is taken, choose another with --port`]);
    await end(running);
  });

  it.each([
    [[], 'expected "listen", got ""'],
    [['send'], 'expected "listen", got "send"'],
    [['listen', 'x'], 'expected "listen", got "listen x"'],
    [['listen', '--port', '70000'], '--port must be a number from 0 to 65535, got "70000"'],
    [['listen', '--port', 'x'], '--port must be a number from 0 to 65535, got "x"'],
    [['listen', '--path', 'hook'], '--path must start with /, got "hook"'],
    [['listen', '--key', 'k'], 'which app? Give --secret'],
  ])('refuses %j', async (args, message) => {
    const refused = run(webhooks, args).code;
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });
});
