// Core over the memory adapters, with sockets that only record. Time passes as tests say, never by itself.
import { createHmac } from 'node:crypto';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { z } from 'zod';
import { ConfigAppStore } from '../../../src/adapters/apps/config-store.ts';
import { memoryAdapters } from '../../../src/adapters/memory/adapters.ts';
import { type App, appSchema } from '../../../src/core/app.ts';
import type { AppStore } from '../../../src/core/app-store.ts';
import { Core, type CoreOptions } from '../../../src/core/core.ts';
import type { Fact } from '../../../src/core/facts.ts';
import type { Adapters } from '../../../src/core/ports.ts';
import type { EventRequest } from '../../../src/protocol/api.ts';
import { Client, type ConnectOptions } from './client.ts';
import { settle } from './time.ts';

export type AppInput = Partial<z.input<typeof appSchema>>;

export function makeApp(settings: AppInput = {}): App {
  return appSchema.parse({ id: 'app', key: 'key', secret: 'secret', ...settings });
}

/** A token, by a signer of its own. */
export function token(text: string, { key, secret }: { key: string; secret: string } = makeApp()): string {
  return `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`;
}

export class Harness implements AsyncDisposable {
  readonly app: App;
  readonly adapters: Adapters;
  readonly core: Core;
  readonly facts: Fact[] = [];
  /** Log lines from level warn up. */
  readonly logged: Record<string, unknown>[] = [];

  constructor(app: AppInput, options: Partial<CoreOptions>, adapters: Adapters, apps?: AppStore) {
    this.app = makeApp(app);
    this.adapters = adapters;
    const log = pino({ level: 'warn' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    const defaults = {
      activityTimeoutSeconds: 30,
      pongTimeoutSeconds: 30,
      maxConnections: 0,
      maxUnsentBytes: 1_048_576,
      shutdown: { closesPerSecond: 100 },
      administered: false,
      version: '1.2.3',
    };
    this.core = new Core(adapters, apps ?? new ConfigAppStore([this.app]), { ...defaults, ...options }, log);
    this.core.facts.listen((fact) => this.facts.push(fact));
  }

  /** A socket that has read its first frame; what it reads from then on is in `client.read()`. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = this.open(options);
    await settle();
    await client.read();
    return client;
  }

  /** A socket, whatever becomes of it. */
  open(options: ConnectOptions = {}): Client {
    return new Client(this.core, this.app, options);
  }

  /** Publishes as the HTTP API does. */
  async trigger(event: Partial<EventRequest>, app = this.app): Promise<void> {
    const request = { name: 'e', data: 'd', channels: ['news'], socketId: undefined, asked: undefined, ...event };
    await this.core.trigger(app, [request]);
  }

  /** The facts so far in words, without those of connections; then forgotten. */
  takeFacts(): string[] {
    const facts = this.facts.splice(0).filter(({ type }) => !type.startsWith('connection_'));
    return facts.map(({ type, appId: _, ...fields }) => [type, ...Object.values(fields)].join(' '));
  }

  /** What is left on this node: topics, and the tracker's channels. */
  async remains(): Promise<{ topics: number; channels: string[] }> {
    const channels = await this.adapters.tracker.listCounted(this.app.id, '');
    return { topics: this.core.nodeStats().topics, channels: [...channels.keys()] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.core.stop();
  }
}

export async function createHarness(
  app: AppInput = {},
  options: Partial<CoreOptions> = {},
  adapters = memoryAdapters(),
  apps?: AppStore,
): Promise<Harness> {
  const harness = new Harness(app, options, adapters, apps);
  await harness.core.start();
  return harness;
}

// biome-ignore lint/suspicious/noExplicitAny: any method of any adapter.
type Methods = Record<string, (...args: any[]) => Promise<unknown>>;

export interface Gate {
  /** Resolves when the method was called. */
  readonly entered: Promise<void>;
  /** Lets the call go on, or fail. */
  open(): void;
  fail(err: Error): void;
}

/**
 * Makes the next call of an adapter's method wait: before it does anything, or, with 'answer', after it has and
 * before its caller knows.
 */
export function suspend(adapter: object, method: string, what: 'call' | 'answer' = 'call'): Gate {
  const methods = adapter as Methods;
  let enter = (): void => {};
  let open = (): void => {};
  let fail = (_: Error): void => {};
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  const original = methods[method]?.bind(adapter);
  if (original === undefined) throw new Error(`no method ${method}`);
  vi.spyOn(methods, method).mockImplementationOnce(async (...args) => {
    const answer = what === 'answer' ? await original(...args) : undefined;
    enter();
    await opened;
    return what === 'answer' ? answer : await original(...args);
  });
  return { entered, open: () => open(), fail: (err) => fail(err) };
}
