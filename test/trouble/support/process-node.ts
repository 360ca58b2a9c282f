// One server as a process of its own, which can be killed or stopped like one.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { configSchema } from '../../../src/config/schema.ts';
import type { App } from '../../../src/core/app.ts';
import { Program } from '../../support/program.ts';
import { credentials, type TestServer } from '../../support/server.ts';

type ConfigInput = z.input<typeof configSchema>;
type AppInput = NonNullable<ConfigInput['apps']>[number];

/** As much of a server as clients and requests need to know. */
export interface ProcessNode extends Pick<TestServer, 'port' | 'url' | 'app' | 'config'>, AsyncDisposable {
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or null after a signal. */
  exit(): Promise<number | null>;
  /** Resolves with the next line of the log that has this message. */
  logged(message: string): Promise<void>;
}

/** From the build; in development, as everybody knows the tests' secret. @param app added to the one named by `credentials` */
export async function startProcess(app: Partial<AppInput>, config: Omit<ConfigInput, 'apps'>): Promise<ProcessNode> {
  const full: ConfigInput = { host: '127.0.0.1', port: 0, ...config, apps: [{ ...credentials, ...app }] };
  const parsed = configSchema.parse(full);
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-node-'));
  const file = join(folder, 'fanfare.json');
  await writeFile(file, JSON.stringify(full));
  const program = new Program('node', ['dist/main.js', 'start', '--dev', '--config', file]);
  const [, url = '', port = ''] = await program.line(/"url":"(http:\/\/127\.0\.0\.1:(\d+))"/);
  return {
    port: Number(port),
    url,
    app: parsed.apps[0] as App,
    config: { ...parsed, development: false },
    signal: (signal) => program.signal(signal),
    exit: () => program.exit(),
    logged: async (message) => void (await program.line(new RegExp(message))),
    [Symbol.asyncDispose]: async () => {
      await program[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
