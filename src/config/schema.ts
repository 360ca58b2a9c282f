// The configuration: its type, defaults, checks and JSON Schema come from the one zod schema here. Pure.
import { z } from 'zod';
import { type App, appSchema } from '../core/app.ts';
import { appStoreSchema } from './app-store.ts';
import { authPathsSchema, refuseTakenPaths } from './auth-paths.ts';
import { redisSchema } from './redis.ts';

const atLeast = (least: number, fallback: number, text: string) => z.int().min(least).default(fallback).describe(text);
const text = (description: string) => z.string().min(1, 'must not be empty').describe(description);

/** A typing error must not start processes until the memory is gone. */
const WORKERS = 256;

const portSchema = z.int().min(0).max(65_535);

const tlsSchema = z
  .strictObject({
    certFile: text('PEM file with the certificate, followed by the intermediate certificates if there are any.'),
    keyFile: text('PEM file with the private key, without a passphrase.'),
    caFile: text('PEM file with the intermediate certificates, where certFile does not hold them.').optional(),
  })
  .optional()
  .describe('Serve https and wss. Leave it out behind a proxy that does TLS.');

const shutdownSchema = z
  .strictObject({
    deadlineSeconds: atLeast(1, 8, 'Longest time a stop may take; keep it below what your supervisor waits.'),
    closesPerSecond: atLeast(1, 500, 'Sockets sent away per second, so that they do not all return at once.'),
  })
  .prefault({})
  .describe('How the server stops on SIGTERM and SIGINT.');

/** As long as a key of 128 bits in base64. */
const TOKEN_CHARACTERS = 22;

const adminSchema = z
  .strictObject({
    tokens: z
      .array(
        z
          .string()
          .regex(/^[!-~]+$/, 'must be printable ASCII characters without spaces')
          .min(TOKEN_CHARACTERS, `must have ${TOKEN_CHARACTERS} characters or more (openssl rand -hex 32)`),
      )
      .default([])
      .describe(
        'Who has one of these may do everything at /admin/v1. Several, to replace one. Empty: it is not there.',
      ),
  })
  .prefault({})
  .describe('The admin API.');

const logSchema = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('The least important messages that are written.'),
    format: z
      .enum(['json', 'pretty'])
      .default('json')
      .describe('json: one object a line, for machines. pretty: for people; the default with --dev.'),
  })
  .prefault({})
  .describe('Logging, to the standard output.');

const webhooksSchema = z
  .strictObject({
    refusePrivateAddresses: z
      .boolean()
      .default(false)
      .describe('Send nothing to loopback, private and link-local addresses: for URLs that tenants choose.'),
    concurrency: atLeast(1, 4, 'Requests to one endpoint at a time.'),
  })
  .prefault({})
  .describe('How webhooks are sent, whatever app they are of.');

const settingsSchema = z.strictObject({
  host: text('Address to listen on. 0.0.0.0: every IPv4 address; "::": IPv6 too. With --dev: 127.0.0.1.').default(
    '0.0.0.0',
  ),
  port: portSchema.default(8080).describe('Port for WebSockets and the HTTP API. 0: any free port.'),
  path: z
    .string()
    .regex(/^\/?([\w.~-]+(\/[\w.~-]+)*\/?)?$/, 'must be a path such as /ws: letters, digits and "-._~" between slashes')
    .transform((path) => path.replace(/^\/?(.*?)\/?$/, (_, inner: string) => (inner === '' ? '' : `/${inner}`)))
    .prefault('')
    .describe('Prefix of every path, such as /ws for /ws/app/{key} and /ws/apps/{id}/events.'),
  tls: tlsSchema,
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(WORKERS)], `expected auto or a whole number from 1 to ${WORKERS}`)
    .default(1)
    .describe('Processes that `fanfare start` runs on this port. auto: one for each processor core.'),
  activityTimeoutSeconds: atLeast(
    1,
    30,
    'Seconds of silence after which clients ping; the server asks 5 seconds later.',
  ),
  pongTimeoutSeconds: atLeast(1, 30, 'Seconds the answer to a ping may take before the socket is closed.'),
  maxConnections: atLeast(0, 0, 'Open sockets of one process; above it a new one is refused with 4100. 0: no limit.'),
  maxUnsentBytes: atLeast(1024, 1_048_576, 'Bytes that may wait for one slow socket before it is closed with 4100.'),
  shutdown: shutdownSchema,
  log: logSchema,
  adapter: z
    .enum(['memory', 'redis'])
    .default('memory')
    .describe('memory: this server stands alone. redis: several servers are one cluster.'),
  redis: redisSchema,
  auth: authPathsSchema,
  appStore: appStoreSchema,
  admin: adminSchema,
  webhooks: webhooksSchema,
  apps: z
    .array(appSchema)
    .check(z.superRefine(refuseDuplicates, { when: () => true }))
    .default([])
    .describe(
      'The apps that connect here, one entry each. At least one is needed without --dev, if appStore has no other driver.',
    ),
});

/** What a file, variables and flags may say. Unknown keys are refused. */
export const configSchema = settingsSchema.check(z.superRefine(refuseTakenPaths, { when: () => true }));

type Settings = z.infer<typeof configSchema>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** What the server runs with: checked, complete and deeply frozen. */
export type Config = DeepReadonly<Omit<Settings, 'apps'>> & {
  readonly apps: readonly App[];
  /** Started with --dev: the development app exists, and statistics need no signature. Not a key of the file. */
  readonly development: boolean;
};

/** Ids, and the keys of all pairs. Also runs when an app has other mistakes, so that all are reported together. */
function refuseDuplicates(apps: readonly unknown[], context: z.RefinementCtx): void {
  const ids = new Map<unknown, string>();
  const keys = new Map<unknown, string>();
  const claim = (taken: Map<unknown, string>, value: unknown, path: readonly (string | number)[], owner: string) => {
    if (typeof value !== 'string') return;
    const first = taken.get(value);
    if (first === undefined) taken.set(value, owner);
    else context.addIssue({ code: 'custom', path: [...path], message: `"${value}" is taken by ${first}` });
  };
  apps.forEach((app, index) => {
    const { id, key, keys: pairs } = fieldsOf(app);
    claim(ids, id, [index, 'id'], `apps[${index}]`);
    claim(keys, key, [index, 'key'], `apps[${index}]`);
    if (!Array.isArray(pairs)) return;
    pairs.forEach((pair: unknown, place) => {
      claim(keys, fieldsOf(pair).key, [index, 'keys', place, 'key'], `apps[${index}].keys[${place}]`);
    });
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A JSON Schema as far as this project reads it: what z.toJSONSchema makes of objects and scalars. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** The JSON Schema of what may be written in a configuration file, for editors. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { title: 'Fanfare configuration', ...schema } as JsonSchema;
}
