// A real server on a free port, in this process, disposed of with `await using`.
import { pino } from 'pino';
import type { z } from 'zod';
import type { Config, configSchema } from '../../src/config/schema.ts';
import { configSchema as schema } from '../../src/config/schema.ts';
import type { App } from '../../src/core/app.ts';
import { createServer } from '../../src/server.ts';

type ConfigInput = z.input<typeof configSchema>;
type AppInput = NonNullable<ConfigInput['apps']>[number];

export const credentials = { id: 'app-id', key: 'app-key', secret: 'app-secret' } as const;

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** http://host:port/prefix */
  readonly url: string;
  readonly config: Config;
  readonly app: App;
  /** What was logged, one parsed JSON object a line, from level trace up. */
  readonly logged: readonly Record<string, unknown>[];
  stop(): Promise<void>;
}

/** One app named by `credentials`, with `app`'s settings added; everything else from `config`, or default. */
export async function startServer(
  app: Partial<AppInput> = {},
  config: Omit<ConfigInput, 'apps'> & { apps?: AppInput[]; development?: boolean } = {},
): Promise<TestServer> {
  const { development = false, apps = [], ...rest } = config;
  const first = { ...credentials, ...app };
  const parsed = schema.parse({ host: '127.0.0.1', port: 0, ...rest, apps: [first, ...apps] });
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const full = { ...parsed, development } as Config;
  const server = createServer(full, log);
  const { port, url } = await server.start();
  const stop = () => server.stop();
  return { port, url, config: full, app: full.apps[0] as App, logged, stop, [Symbol.asyncDispose]: stop };
}
