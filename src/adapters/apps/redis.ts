// Apps in Redis, wherever that is: a hash of records, changed by one script, told by a message. Redis is where they are
// kept, so it has to write them to its disk (`appendonly yes`).
import { createHash, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { App } from '../../core/app.ts';
import { keysOf } from '../../core/key-pairs.ts';
import { RequestError } from '../../protocol/errors.ts';
import { RedisClient } from '../redis/client.ts';
import { editApp } from '../redis/scripts/edit-app.lua.ts';
import { nameOf, placeOf, type RedisOptions } from '../redis/settings.ts';
import type { AppRecord, AppSource, AppWriter } from './source.ts';

/** Of an app that is no more. */
const NO_APP = { text: '', keys: [] };

interface Edit {
  readonly what: 'insert' | 'update' | 'remove';
  readonly id: string;
  /** undefined: whatever it is. */
  readonly expected?: string | undefined;
  readonly text: string;
  readonly keys: readonly string[];
}

export class RedisSource implements AppSource {
  readonly name: string;
  readonly writer: AppWriter;
  readonly #client: RedisClient;
  /** There was a revision once: without one all is gone, which is no store that nothing was ever written to. */
  #isKnown = false;

  constructor(options: RedisOptions, log: Logger) {
    this.name = nameOf(placeOf(options));
    this.#client = new RedisClient(options, log);
    this.writer = {
      insert: async (id, value) => only(await this.#edit({ what: 'insert', id, ...written(value) }), 'exists'),
      update: async (id, value, expected) =>
        only(await this.#edit({ what: 'update', id, expected, ...written(value) }), 'missing', 'changed'),
      remove: async (id, expected) => {
        const done = only(await this.#edit({ what: 'remove', id, expected, ...NO_APP }), 'missing', 'changed');
        return typeof done === 'string' ? done : 'removed';
      },
    };
  }

  async open(): Promise<void> {
    await this.#client.start(this);
  }

  async close(): Promise<void> {
    this.#client.stop(this);
  }

  /** @throws Error also when all is gone: a Redis that lost its data must not send everybody away */
  async revision(): Promise<string> {
    const { commands, keys } = this.#client;
    const revision = (await this.#client.answer(commands.get(keys.appsRevision))) ?? '';
    if (revision === '' && this.#isKnown) throw this.#gone();
    this.#isKnown ||= revision !== '';
    return revision;
  }

  async load(): Promise<readonly AppRecord[]> {
    const { commands, keys } = this.#client;
    const records = await this.#client.answer(commands.hgetall(keys.appRecords));
    // They may have gone since that was asked last.
    await this.revision();
    return Object.entries(records).map(([id, text]) => recordOf(id, text));
  }

  listen(onNews: () => void): void {
    const { subscriber, keys } = this.#client;
    const news = Buffer.from(keys.appNews);
    subscriber.onMessage((name) => {
      if (name.equals(news)) onNews();
    });
    const subscribe = async () => {
      try {
        await subscriber.subscribe([keys.appNews]);
        // What was told before.
        onNews();
      } catch {
        // The next time comes with the next connection; until then the revision is asked for.
      }
    };
    this.#client.onRestored(() => void subscribe());
    void subscribe();
  }

  #gone(): Error {
    const { appsRevision } = this.#client.keys;
    return new Error(`the apps in Redis are gone (${appsRevision}): restore them, or start the servers anew`);
  }

  /** @throws RequestError 409 for a key of another app; Error also when all is gone: it would be the only app there */
  async #edit({ what, id, expected = '', text, keys }: Edit): Promise<{ readonly version: string } | string> {
    const { appRecords, appOwners, appsRevision, appNews } = this.#client.keys;
    const version = randomUUID();
    const touched = [appRecords, appOwners, appsRevision];
    const seen = this.#isKnown ? 'known' : '';
    const args = [what, id, expected, version, appNews, seen, text, ...keys];
    const answer = await this.#client.run<string | readonly [key: string, owner: string]>(editApp, touched, args);
    if (answer === 'gone') throw this.#gone();
    this.#isKnown ||= answer === 'done';
    if (typeof answer === 'string') return answer === 'done' ? { version } : answer;
    const [key, owner] = answer;
    throw new RequestError(409, `The key ${key} is one of the app ${owner} already.`);
  }
}

function written(value: object): Pick<Edit, 'text' | 'keys'> {
  return { text: JSON.stringify(value), keys: keysOf(value as App) };
}

/** The script's answer, which is one of those its caller may have. */
function only<T extends string>(answer: { readonly version: string } | string, ...may: T[]) {
  if (typeof answer !== 'string') return answer;
  const known = may.find((one) => one === answer);
  if (known === undefined) throw new Error(`Redis answered ${answer} to an edit of an app`);
  return known;
}

function recordOf(id: string, text: string): AppRecord {
  const { app, version } = readRecord(text) ?? {};
  return { id, value: app, version: typeof version === 'string' ? version : sha1(text) };
}

function readRecord(text: string): { readonly app?: unknown; readonly version?: unknown } | undefined {
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? record : undefined;
  } catch {
    return undefined;
  }
}

/** As the script has it of records that were written by hand. */
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
