// The built program as a process: arguments, exit codes, signals. `npm test` builds it first.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';

const program = new URL('../../dist/main.js', import.meta.url).pathname;
const app = { FANFARE_APP_ID: '1', FANFARE_APP_KEY: 'k', FANFARE_APP_SECRET: 'hush' };

/** As npx starts it: by the program's own first line. */
function fanfare(args: readonly string[], env: Record<string, string> = {}): ChildProcessWithoutNullStreams {
  return spawn(program, args, { env: { PATH: process.env.PATH, ...env } });
}

async function ended(child: ChildProcessWithoutNullStreams) {
  const printed = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    printed.out += data;
  });
  child.stderr.on('data', (data) => {
    printed.err += data;
  });
  const [code] = await once(child, 'close');
  return { code, ...printed };
}

/** Resolves with everything printed up to the line that holds `text`. */
function until(child: ChildProcessWithoutNullStreams, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (data) => {
      printed += data;
      if (printed.includes(text)) resolve(printed);
    });
    child.on('close', () => reject(new Error(`ended after: ${printed}`)));
  });
}

describe('the command line', () => {
  it('answers for an --env-file that is not there, and Node does not', async () => {
    for (const args of [['--env-file', 'nope.env'], ['--env-file=nope.env']]) {
      const { code, err } = await ended(fanfare(['check', ...args], app));
      expect(code).toBe(78);
      expect(err).toContain('--env-file: cannot read nope.env: there is no such file');
    }
  });

  it('prints its version and its help', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await ended(fanfare(['--version']))).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const help = await ended(fanfare(['--help']));
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/^Usage: fanfare COMMAND \[options\]\n/);
    expect(help.out).not.toContain('schema');
  });

  it.each(['start', 'check', 'trigger', 'listen', 'webhooks', 'health'])('explains %s', async (command) => {
    const { code, out } = await ended(fanfare([command, '--help']));
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: fanfare ${command} `));
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it.each([
    [['strat'], 'fanfare: unknown command strat, did you mean start?\nTry: fanfare --help\n'],
    [['--nope'], 'fanfare: unknown option --nope\nTry: fanfare --help\n'],
    [['start', '--prt', '1'], "fanfare: unknown option '--prt'\nTry: fanfare start --help\n"],
    [['trigger', 'a'], 'fanfare: CHANNEL, EVENT and DATA are needed\nTry: fanfare trigger --help\n'],
  ])('answers %j with 64', async (args, err) => {
    expect(await ended(fanfare(args))).toEqual({ code: 64, out: '', err });
  });

  it('without a command prints the help as an error', async () => {
    const { code, out, err } = await ended(fanfare([]));
    expect([code, out]).toEqual([64, '']);
    expect(err).toContain('Usage: fanfare COMMAND');
  });
});

describe('fanfare start as a process', () => {
  it('in production prints log lines only, as JSON without secrets, and ends with 0 on SIGTERM', async () => {
    const child = fanfare(['start', '--port', '0', '--host', '127.0.0.1'], app);
    const result = ended(child);
    await until(child, '"listening"');
    child.kill('SIGTERM');
    const { code, out, err } = await result;
    expect([code, err]).toEqual([0, '']);
    const lines = out.trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as { level: string; time: string; msg: string });
    expect(entries.map(({ msg }) => msg)).toEqual(['listening', 'signal received', 'stopping', 'stopped']);
    expect(entries[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(entries[0]?.level).toBe('info');
    expect(out).not.toContain('hush');
  });

  it('warns at start of a key set whose tokens may be for others', async () => {
    const auth = { bearer: { jwksUrl: 'https://id.example/keys?token=hush' } };
    const apps = JSON.stringify([{ id: '1', key: 'k', secret: 'hush', auth }]);
    const child = fanfare(['start', '--port', '0', '--host', '127.0.0.1'], { FANFARE_APPS: apps });
    const result = ended(child);
    await until(child, '"listening"');
    child.kill('SIGTERM');
    const { out } = await result;
    expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({
      level: 'warn',
      msg: 'app 1, auth.bearer: without issuer and audience, tokens are taken that were made for other applications',
    });
    expect(out).not.toContain('hush');
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends at once on a second %s, although a request is in flight', async (signal, expected) => {
    const child = fanfare(['start', '--port', '0', '--host', '127.0.0.1'], app);
    const result = ended(child);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await until(child, '"listening"')) ?? [];
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n');
    await once(socket, 'data');
    child.kill(signal);
    await until(child, '"stopping"');
    child.kill(signal);
    expect((await result).code).toBe(expected);
    socket.destroy();
  });

  it('with a bad configuration ends with 78', async () => {
    const { code, out, err } = await ended(fanfare(['start'], { ...app, FANFARE_PROT: '1' }));
    expect({ code, out, err }).toEqual({
      code: 78,
      out: '',
      err:
        'fanfare: the configuration has a mistake, so nothing was started:\n' +
        '  FANFARE_PROT: unknown variable, did you mean FANFARE_PORT?\n',
    });
  });
});
