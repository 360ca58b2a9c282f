// Changes apps of a source: checked here, written there, and counting in this process when they are.
import type { App } from '../../core/app.ts';
import type { AppEditor, StoredApp } from '../../core/app-store.ts';
import { keysOf } from '../../core/key-pairs.ts';
import { RequestError, requestErrors } from '../../protocol/errors.ts';
import { type Catalog, type Rules, readApp } from './catalog.ts';
import type { AppRecord, AppWriter } from './source.ts';

/** What is in memory, and what an edit does to it. */
interface Memory {
  readonly catalog: Catalog;
  readonly rules: Rules;
  look(): Promise<void>;
  /** Why the last look failed, if it did. */
  trouble(): string | undefined;
  edited(id: string, record: AppRecord | undefined): void;
}

const WITHIN_MS = 5000;
/** An answer that does not come is no refusal. */
const UNCLEAR = 'The change may have been made nevertheless: read the app before you repeat it.';

export class StoredAppEditor implements AppEditor {
  readonly #writer: AppWriter;
  readonly #memory: Memory;
  readonly #withinMs: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(writer: AppWriter, memory: Memory, withinMs = WITHIN_MS) {
    this.#writer = writer;
    this.#memory = memory;
    this.#withinMs = withinMs;
  }

  /** What is in memory, where the source does not answer in time. */
  async read(id: string): Promise<StoredApp> {
    await within(this.#withinMs, this.#memory.look());
    return this.#read(id);
  }

  #read(id: string): StoredApp {
    const { byId, refused } = this.#memory.catalog;
    const stored = byId.get(id);
    if (stored !== undefined) return stored;
    const reason = refused.find((other) => other.id === id)?.reason;
    if (reason === undefined) throw requestErrors.unknownApp(id);
    throw new RequestError(404, `The record of the app ${id} is refused: ${reason}`);
  }

  create(app: App): Promise<StoredApp> {
    return this.#inTurn(async (begin) => {
      const value = await this.#checked(app);
      begin();
      const written = await this.#writer.insert(app.id, value);
      if (written === 'exists') throw new RequestError(409, `There is an app ${app.id} already.`);
      return this.#written(app.id, value, written.version);
    });
  }

  replace(app: App, version: string | undefined): Promise<StoredApp> {
    return this.#inTurn(async (begin) => {
      const value = await this.#checked(app);
      begin();
      const written = await this.#writer.update(app.id, value, version);
      if (written === 'missing') throw requestErrors.unknownApp(app.id);
      if (written === 'changed') throw changed(app.id);
      return this.#written(app.id, value, written.version);
    });
  }

  remove(id: string, version: string | undefined): Promise<void> {
    return this.#inTurn(async (begin) => {
      await this.#memory.look();
      begin();
      const removed = await this.#writer.remove(id, version);
      if (removed === 'missing') throw requestErrors.unknownApp(id);
      if (removed === 'changed') throw changed(id);
      this.#memory.edited(id, undefined);
    });
  }

  /**
   * One after the other: two edits of this process are compared with each other. One that could not begin to write in time
   * is refused, and does not write later; from there on the source has its own time.
   * @param edit calls `begin` right before it writes
   */
  #inTurn<T>(edit: (begin: () => void) => Promise<T>): Promise<T> {
    let state: 'waiting' | 'writing' | 'over' = 'waiting';
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (state !== 'waiting') return;
        state = 'over';
        reject(refusal(`where they are kept did not answer within ${this.#withinMs / 1000} s.`));
      }, this.#withinMs);
      const begin = () => {
        const trouble = this.#memory.trouble();
        if (trouble !== undefined) throw new Error(trouble);
        if (state === 'over') throw new Error('too late');
        state = 'writing';
      };
      const end = (err: unknown) => {
        const isAnswer = err instanceof RequestError && err.status !== 503;
        const said = (err as Error).message;
        reject(isAnswer ? err : refusal(state === 'writing' ? `${said} ${UNCLEAR}` : said));
      };
      const inTurn = async () => {
        if (state === 'waiting') await edit(begin).then(resolve, end);
        clearTimeout(timer);
      };
      this.#last = this.#last.then(inTurn);
    });
  }

  /** @throws RequestError 400 for what is no app, 409 where another app has one of its keys */
  async #checked(app: App): Promise<App> {
    const checked = readApp(app, this.#memory.rules);
    if (typeof checked === 'string') throw new RequestError(400, `This is no app: ${checked}`);
    await this.#memory.look();
    const { byKey } = this.#memory.catalog;
    for (const key of keysOf(checked)) {
      const owner = byKey.get(key);
      if (owner !== undefined && owner.id !== app.id) {
        throw new RequestError(409, `The key ${key} is one of the app ${owner.id} already.`);
      }
    }
    return checked;
  }

  #written(id: string, value: App, version: string): StoredApp {
    this.#memory.edited(id, { id, value, version });
    return this.#read(id);
  }
}

function refusal(reason: string): RequestError {
  return new RequestError(503, `Apps cannot be changed now: ${reason}`, { 'retry-after': '2' });
}

/** Waits no longer than so. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}

function changed(id: string): RequestError {
  return new RequestError(409, `The app ${id} was changed by somebody else meanwhile: read it again.`);
}
