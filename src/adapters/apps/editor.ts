// Changes apps of a source: checked here, written there, and counting in this process when they are.
import type { App } from '../../core/app.ts';
import type { AppEditor, StoredApp } from '../../core/app-store.ts';
import { keysOf } from '../../core/key-pairs.ts';
import { RequestError, requestErrors } from '../../protocol/errors.ts';
import { type Catalog, readApp } from './catalog.ts';
import type { AppRecord, AppWriter } from './source.ts';

/** What is in memory, and what an edit does to it. */
interface Memory {
  readonly catalog: Catalog;
  look(): Promise<void>;
  edited(id: string, record: AppRecord | undefined): void;
}

export class StoredAppEditor implements AppEditor {
  readonly #writer: AppWriter;
  readonly #memory: Memory;
  #last: Promise<unknown> = Promise.resolve();

  constructor(writer: AppWriter, memory: Memory) {
    this.#writer = writer;
    this.#memory = memory;
  }

  async read(id: string): Promise<StoredApp> {
    await this.#memory.look();
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
    return this.#inTurn(async () => {
      const value = await this.#checked(app);
      const written = await this.#writer.insert(app.id, value);
      if (written === 'exists') throw new RequestError(409, `There is an app ${app.id} already.`);
      return this.#written(app.id, value, written.version);
    });
  }

  replace(app: App, version: string | undefined): Promise<StoredApp> {
    return this.#inTurn(async () => {
      const value = await this.#checked(app);
      const written = await this.#writer.update(app.id, value, version);
      if (written === 'missing') throw requestErrors.unknownApp(app.id);
      if (written === 'changed') throw changed(app.id);
      return this.#written(app.id, value, written.version);
    });
  }

  remove(id: string, version: string | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const removed = await this.#writer.remove(id, version);
      if (removed === 'missing') throw requestErrors.unknownApp(id);
      if (removed === 'changed') throw changed(id);
      this.#memory.edited(id, undefined);
    });
  }

  /** One after the other: two edits of this process are compared with each other. */
  #inTurn<T>(edit: () => Promise<T>): Promise<T> {
    const edited = this.#last.then(async () => {
      try {
        return await edit();
      } catch (err) {
        if (err instanceof RequestError) throw err;
        throw new RequestError(503, `Apps cannot be changed now: ${(err as Error).message}`, { 'retry-after': '2' });
      }
    });
    this.#last = edited.catch(() => {});
    return edited;
  }

  /** @throws RequestError 400 for what is no app, 409 where another app has one of its keys */
  async #checked(app: App): Promise<App> {
    const checked = readApp(app);
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

function changed(id: string): RequestError {
  return new RequestError(409, `The app ${id} was changed by somebody else meanwhile: read it again.`);
}
