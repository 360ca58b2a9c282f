// The logger's lines.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';

type Options = Parameters<typeof createLog>[0];

function lines(options: Options, write: (log: ReturnType<typeof createLog>) => void): string[] {
  const output = new PassThrough();
  write(createLog(options, output));
  return String(output.read() ?? '')
    .split('\n')
    .filter((line) => line !== '');
}

describe('the log', () => {
  it('is one JSON object a line with the level’s name and ISO time', () => {
    const [line = ''] = lines({ level: 'info', format: 'json' }, (log) => log.info({ appId: '1' }, 'hello'));
    const entry = JSON.parse(line);
    expect(entry).toMatchObject({ level: 'info', appId: '1', msg: 'hello' });
    expect(new Date(entry.time).toISOString()).toBe(entry.time);
  });

  it.each(['json', 'pretty'] as const)('never holds a secret as %s', (format) => {
    const secret = 'hush';
    const names = [
      'secret',
      'encryptionMasterKey',
      'password',
      'auth',
      'auth_signature',
      'signature',
      'token',
      'authorization',
      'cookie',
    ];
    const fields = Object.fromEntries([...names, 'set-cookie'].map((name) => [name, secret]));
    const all = lines({ level: 'info', format }, (log) => {
      log.info({ ...fields, app: fields, req: { headers: fields }, apps: [fields] }, 'hello');
      log.child({ child: fields }).info('from a child');
    });
    expect(all).toHaveLength(2);
    expect(all.join()).not.toContain(secret);
    expect(all.join()).toContain('[secret]');
  });

  it('is readable and colourless as pretty', () => {
    const [line] = lines({ level: 'info', format: 'pretty' }, (log) => log.warn({ appId: '1' }, 'hello'));
    expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: hello \{"appId":"1"\}$/);
  });

  it('leaves out what is less important, and all of it when silent', () => {
    const write = (log: ReturnType<typeof createLog>) => {
      log.debug('a');
      log.fatal('b');
    };
    expect(lines({ level: 'info', format: 'json' }, write)).toHaveLength(1);
    expect(lines({ level: 'silent', format: 'json' }, write)).toEqual([]);
  });

  it('is written before the process can end, in order', async () => {
    // The one thread that writes files is kept busy: what were handed to it would be late, or lost.
    const script = `
      import { pbkdf2 } from 'node:crypto';
      import { createLog } from ${JSON.stringify(new URL('../dist/log.js', import.meta.url).href)};
      const log = createLog({ level: 'info', format: 'json' });
      pbkdf2('', '', 1e8, 64, 'sha512', () => {});
      log.info('one');
      log.info('two');
      process.kill(process.pid, 'SIGKILL');`;
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { env });
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
    const messages = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).msg);
    expect(messages).toEqual(['one', 'two']);
  });
});
