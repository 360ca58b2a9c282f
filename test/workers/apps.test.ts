// Workers of one machine whose apps are in a file they share: what changes there changes in all of them.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentials } from '../support/server.ts';
import { Running } from './running.ts';

test('a file that changes counts in all workers, which made it together', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-workers-'));
  const file = join(folder, 'apps.json');
  const write = (...apps: object[]) => {
    writeFileSync(`${file}.new`, JSON.stringify({ apps }));
    renameSync(`${file}.new`, file);
  };
  try {
    const env = { FANFARE_APP_STORE_DRIVER: 'file', FANFARE_APP_STORE_FILE: file, FANFARE_HOST: '127.0.0.1' };
    await using running = new Running(['--workers', '2'], env);
    await running.up();
    expect(readFileSync(file, 'utf8')).toBe('{ "apps": [] }\n');
    const inBoth = async (times: number) => {
      await running.line(() => running.logged.filter(({ msg }) => msg === 'an app changed').length >= 2 * times);
    };
    const app = { ...credentials, secret: 'a-secret-of-nobody-else' };
    write(app);
    await inBoth(1);
    const clients = await running.connectTo(...running.workerPids);
    write({ ...app, enabled: false });
    for (const client of clients) expect((await client.closed).code).toBe(4003);
    running.program.child.kill('SIGTERM');
    expect(await running.exit()).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
