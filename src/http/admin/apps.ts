// Apps at run time: list, create, change, remove, and new key pairs with overlap.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type App, appSchema } from '../../core/app.ts';
import type { AppEditor, StoredApp } from '../../core/app-store.ts';
import type { Core } from '../../core/core.ts';
import { RequestError } from '../../protocol/errors.ts';
import { checked } from './checked.ts';
import { type Endpoint, endpoint, nothing } from './endpoint.ts';

const OVERLAP_SECONDS = 86_400;
const LONGEST_OVERLAP_SECONDS = 31_536_000;
/** At one app at once, each of which makes the others begin anew. */
const EDITS = 100;
const SECRET_BYTES = 32;
const KEY_BYTES = 10;

const version = z.string().describe('Another one after every change.');
const stored = z.object({ version, app: appSchema.describe('As in the configuration, with its secrets.') });
const expected = z.strictObject({
  version: z
    .string()
    .min(1)
    .optional()
    .describe('What was read: another one is answered 409. Without it the last change wins.'),
});
const id = { id: 'The app’s id.' };
const refuses = {
  403: 'Apps cannot be changed here: they are in the configuration, or in a table of somebody else.',
  404: 'There is no such app.',
  409: 'It was changed meanwhile, or an id or a key is taken.',
  503: 'Where the apps are kept does not answer. Nothing was done, unless `error` says that it may have been.',
};

/** Of JSON Merge Patch (RFC 7396): null removes a field, objects are merged, all else replaces. */
const patch = z
  .looseObject({})
  .describe('Fields of the app to change (JSON Merge Patch): null is the default again; key and secret have none.');
const newApp = z
  .looseObject({ id: z.string() })
  .describe('An app as in the configuration; without key and secret, they are made.');

export function appEndpoints(core: Core): Endpoint[] {
  return [...reading(core), ...writing(core)];
}

function reading(core: Core): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/apps',
      summary: 'All apps, without their secrets, and records that are refused with the reason.',
      answers: z.object({
        apps: z.array(
          z.object({
            id: z.string(),
            name: z.string().nullable(),
            key: z.string(),
            keys: z.array(z.object({ key: z.string(), notAfter: z.string().nullable() })),
            enabled: z.boolean(),
          }),
        ),
        refused: z.array(z.object({ id: z.string(), reason: z.string() })),
      }),
      handle: async () => ({
        answer: { apps: (await core.apps.list()).map(summaryOf), refused: core.apps.refused() },
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/apps/{id}',
      summary: 'One app as it is stored, with its secrets, and its version.',
      parameters: id,
      answers: stored,
      refuses,
      handle: async ({ params }) => ({ answer: answerOf(await editorOf(core).read(params.id ?? '')) }),
    }),
  ];
}

function summaryOf({ id, name, key, keys, enabled }: App): object {
  const pairs = keys.map((pair) => ({ key: pair.key, notAfter: pair.notAfter ?? null }));
  return { id, name: name ?? null, key, keys: pairs, enabled };
}

function writing(core: Core): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/apps',
      summary: 'Create an app. It counts on all servers within two seconds.',
      body: newApp,
      status: 201,
      answers: stored,
      refuses,
      handle: async ({ body }) => {
        const app = checked(appSchema, { key: newKey(), secret: newSecret(), ...body });
        return { answer: answerOf(await editorOf(core).create(app)) };
      },
    }),
    endpoint({
      method: 'PATCH',
      path: '/apps/{id}',
      summary: 'Change an app, also for sockets that are open: limits, features, enabled.',
      parameters: id,
      query: expected,
      body: patch,
      answers: stored,
      refuses,
      handle: async ({ params, query, body }) => {
        const change = (now: App) => {
          const app = checked(appSchema, merged(now, body), body);
          if (app.id !== now.id) throw new RequestError(400, 'Invalid id: an app keeps its id');
          return app;
        };
        return { answer: answerOf(await edit(editorOf(core), params.id ?? '', query.version, change)) };
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/apps/{id}',
      summary:
        'Remove an app, also one whose record is refused: its sockets are closed (4001), its dead letters and what waits ' +
        'for its endpoints are gone.',
      parameters: id,
      query: expected,
      answers: nothing,
      refuses,
      handle: async ({ params, query }) => {
        await editorOf(core).remove(params.id ?? '', query.version);
        await core.forgetApp(params.id ?? '');
        return { answer: {} };
      },
    }),
    rotation(core),
  ];
}

function rotation(core: Core): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/apps/{id}/rotate',
    summary: 'Make a new key and secret; the pair that was current stays good for a while.',
    parameters: id,
    query: expected,
    body: z.strictObject({
      overlapSeconds: z
        .int()
        .min(0)
        .max(LONGEST_OVERLAP_SECONDS)
        .default(OVERLAP_SECONDS)
        .describe('How long the pair that was current stays good.'),
    }),
    bodyIsOptional: true,
    answers: z.object({
      version,
      key: z.string(),
      secret: z.string(),
      previous: z.object({ key: z.string(), notAfter: z.string().describe('ISO 8601.') }),
    }),
    refuses,
    handle: async ({ params, query, body }) => {
      const notAfter = new Date(Date.now() + body.overlapSeconds * 1000).toISOString();
      const pair = { key: newKey(), secret: newSecret() };
      let previous = '';
      const change = (now: App) => {
        const { key, secret, keys } = now;
        previous = key;
        return { ...now, ...pair, keys: [{ key, secret, notAfter }, ...keys.filter(isGood)] };
      };
      const written = await edit(editorOf(core), params.id ?? '', query.version, change);
      return { answer: { version: written.version, ...pair, previous: { key: previous, notAfter } } };
    },
  });
}

/**
 * Changes an app as it is now. Without a version it is changed again where somebody else was quicker: the last one wins,
 * and nothing of the others is undone.
 * @throws RequestError as the editor does
 */
async function edit(
  editor: AppEditor,
  id: string,
  version: string | undefined,
  change: (now: App) => App,
): Promise<StoredApp> {
  for (let attempts = 1; ; attempts += 1) {
    const now = await editor.read(id);
    // While the store cannot be read this may be older than what was asked for: it would be written over that.
    if (version !== undefined && version !== now.version) {
      throw new RequestError(409, `The app ${id} was changed by somebody else meanwhile: read it again.`);
    }
    try {
      return await editor.replace(change(now.app), now.version);
    } catch (err) {
      const conflicts = err instanceof RequestError && err.status === 409;
      const isAnother = conflicts && (await editor.read(id)).version !== now.version;
      if (version !== undefined || !isAnother || attempts === EDITS) throw err;
    }
  }
}

/** Pairs that have ended are of no use to anybody. */
function isGood({ notAfter }: App['keys'][number]): boolean {
  return notAfter === undefined || Date.parse(notAfter) > Date.now();
}

/** @throws RequestError 403 */
function editorOf({ apps }: Core): AppEditor {
  if (apps.editor !== undefined) return apps.editor;
  throw new RequestError(
    403,
    'Apps cannot be changed here: they are in the configuration, or in a table of somebody else.',
  );
}

function answerOf({ app, version }: StoredApp): object {
  return { version, app };
}

/** RFC 7396 §2. */
function merged(target: unknown, change: unknown): unknown {
  if (!isObject(change)) return change;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('hex');
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}
