// A real server on a free port, in this process, disposed of with `await using`.
import { EventEmitter, on } from 'node:events';
import { pino } from 'pino';
import type { z } from 'zod';
import type { Channel } from '../../src/adapters/ipc/channel.ts';
import type { Config, configSchema } from '../../src/config/schema.ts';
import { configSchema as schema } from '../../src/config/schema.ts';
import type { App } from '../../src/core/app.ts';
import { createServer } from '../../src/server.ts';
import type { WebhookOptions } from '../../src/webhooks/options.ts';

type ConfigInput = z.input<typeof configSchema>;
type AppInput = NonNullable<ConfigInput['apps']>[number];

export const credentials = { id: 'app-id', key: 'app-key', secret: 'app-secret' } as const;

export type LogLine = Readonly<Record<string, unknown>>;

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** http://host:port/prefix */
  readonly url: string;
  readonly config: Config;
  readonly app: App;
  /** What was logged, one parsed JSON object a line, from level trace up. */
  readonly logged: readonly LogLine[];
  /** The first line that matches, logged already or still to come. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine>;
  stop(): Promise<void>;
}

/** A server with open sockets listens on for a while before it is stopped, the longer the more time it has. */
const defaults = { host: '127.0.0.1', port: 0, shutdown: { deadlineSeconds: 2 } } satisfies ConfigInput;

/** One app named by `credentials`, with `app`'s settings added; everything else from `config`, or default. */
export async function startServer(
  app: Partial<AppInput> = {},
  config: Omit<ConfigInput, 'apps'> & {
    apps?: AppInput[];
    development?: boolean;
    webhookTimes?: Partial<WebhookOptions>;
    /** It is a worker of this one. */
    primary?: Channel;
  } = {},
): Promise<TestServer> {
  const { development = false, apps = [], webhookTimes, primary, ...rest } = config;
  const first = { ...credentials, ...app };
  const parsed = schema.parse({ ...defaults, ...rest, apps: [first, ...apps] });
  const lines = new EventEmitter().setMaxListeners(0);
  const logged: LogLine[] = [];
  const write = (text: string) => {
    const line = JSON.parse(text) as LogLine;
    logged.push(line);
    lines.emit('line', line);
  };
  const log = pino({ level: 'trace' }, { write });
  const full = { ...parsed, development, webhooks: { ...parsed.webhooks, ...webhookTimes } } as Config;
  const server = createServer(full, log, primary);
  const { port, url } = await server.start();
  const stop = () => server.stop();
  const line = async (matches: (line: LogLine) => boolean) => logged.find(matches) ?? (await nextLine(lines, matches));
  return { port, url, config: full, app: full.apps[0] as App, logged, line, stop, [Symbol.asyncDispose]: stop };
}

async function nextLine(lines: EventEmitter, matches: (line: LogLine) => boolean): Promise<LogLine> {
  for await (const [line] of on(lines, 'line') as AsyncIterable<[LogLine]>) if (matches(line)) return line;
  throw new Error('the log ended');
}
