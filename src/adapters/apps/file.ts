// Apps in one JSON file, `{ "apps": [ … ] }`, shared by the processes of one machine and edited by hand as well. It is
// replaced as a whole, so nobody reads half of it; and a writer reads it again under a lock, so nobody's change is lost.
import { isUtf8 } from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { link, open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RequestError } from '../../protocol/errors.ts';
import { type Held, locked } from './file-lock.ts';
import type { AppRecord, AppSource, AppWriter } from './source.ts';

const EMPTY = '{ "apps": [] }\n';
/** It holds secrets. */
const MODE = 0o600;
const MODE_BITS = 0o777;

type Document = Readonly<Record<string, unknown>> & { readonly apps: readonly unknown[] };

interface Change {
  /** The record that is new, if one is. */
  readonly value: object | undefined;
  readonly held: Held;
  /** Of the file itself. */
  readonly path: string;
}

export class FileSource implements AppSource {
  readonly name: string;
  readonly writer: AppWriter;
  readonly #path: string;
  #watcher: FSWatcher | undefined;

  constructor(path: string) {
    this.#path = resolve(path);
    this.name = this.#path;
    this.writer = {
      insert: (id, value) => this.#insert(id, value),
      update: (id, value, version) => this.#update(id, value, version),
      remove: (id, version) => this.#remove(id, version),
    };
  }

  async open(): Promise<void> {
    await create(this.#path);
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async revision(): Promise<string> {
    const { mtimeNs, size, ino } = await stat(this.#path, { bigint: true });
    return `${mtimeNs}-${size}-${ino}`;
  }

  async load(): Promise<readonly AppRecord[]> {
    return (await this.#read()).apps.map(recordOf);
  }

  /** The folder, as the file is another one after each change. Where it cannot be watched, `revision` remains. */
  listen(onNews: () => void): void {
    try {
      const path = realpathSync(this.#path);
      const file = basename(path);
      this.#watcher = watch(dirname(path), { persistent: false }, (_, name) => {
        if (name === file) onNews();
      });
      this.#watcher.on('error', () => void this.close());
    } catch {
      // Too many are watched on this machine, or the file system tells nothing.
    }
  }

  #insert(id: string, value: object): ReturnType<AppWriter['insert']> {
    return this.#change(async (document, held, path) => {
      if (indexOf(document, id) >= 0) return 'exists';
      checkKeys(document, id, value);
      return await this.#write({ ...document, apps: [...document.apps, value] }, { value, held, path });
    });
  }

  #update(id: string, value: object, version: string | undefined): ReturnType<AppWriter['update']> {
    return this.#change(async (document, held, path) => {
      const index = indexOf(document, id);
      if (index < 0) return 'missing';
      if (version !== undefined && version !== versionOf(document.apps[index])) return 'changed';
      checkKeys(document, id, value);
      return await this.#write({ ...document, apps: document.apps.with(index, value) }, { value, held, path });
    });
  }

  #remove(id: string, version: string | undefined): ReturnType<AppWriter['remove']> {
    return this.#change(async (document, held, path) => {
      const index = indexOf(document, id);
      if (index < 0) return 'missing';
      if (version !== undefined && version !== versionOf(document.apps[index])) return 'changed';
      await this.#write({ ...document, apps: document.apps.toSpliced(index, 1) }, { value: undefined, held, path });
      return 'removed';
    });
  }

  /** What is behind a symbolic link is replaced, not the link, which may be made or moved at any time. */
  async #change<T>(change: (document: Document, held: Held, path: string) => Promise<T>): Promise<T> {
    const path = await realpath(this.#path);
    return await locked(path, async (held) => await change(await this.#read(), held, path));
  }

  async #read(): Promise<Document> {
    const text = textOf(await readFile(this.#path));
    if (text === undefined) throw new Error(`${this.#path} is not valid UTF-8`);
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      // Without the parser's words: they quote the text, which holds secrets.
      throw new Error(`${this.#path} is not valid JSON`);
    }
    if (isDocument(document)) return document;
    throw new Error(`${this.#path} must hold an object with a list of apps: ${EMPTY.trim()}`);
  }

  async #write(document: Document, { value, held, path }: Change): Promise<{ readonly version: string }> {
    const { mode } = await stat(path);
    const made = await writeBeside(path, `${JSON.stringify(document, null, 2)}\n`, mode & MODE_BITS);
    try {
      await held.check();
      await rename(made, path);
    } catch (err) {
      await unlink(made);
      throw err;
    }
    await sync(dirname(path));
    return { version: versionOf(value) };
  }
}

/** With no apps, unless it is there. Linked into place: a process that starts at the same time finds all of it. */
async function create(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  if ((await stat(dirname(path)).catch(() => undefined)) === undefined) {
    throw new Error(`${path} cannot be made: its folder does not exist`);
  }
  const made = await writeBeside(path, EMPTY, MODE);
  try {
    await link(made, path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  } finally {
    await unlink(made);
  }
}

/** @returns the path of a file with this text, on the disk, in the same folder */
async function writeBeside(path: string, text: string, mode: number): Promise<string> {
  const made = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const handle = await open(made, 'wx', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return made;
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A byte order mark, as some editors write it, is no part of it. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString().replace(/^\uFEFF/, '') : undefined;
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && 'apps' in value && Array.isArray(value.apps);
}

function recordOf(value: unknown, index: number): AppRecord {
  return { id: idOf(value) ?? `apps[${index}]`, value, version: versionOf(value) };
}

function indexOf({ apps }: Document, id: string): number {
  return apps.findIndex((value) => idOf(value) === id);
}

/** @throws RequestError 409 where another app has a key of this one, which another process may just have written */
function checkKeys({ apps }: Document, id: string, value: object): void {
  const keys = keysIn(value);
  for (const other of apps) {
    const owner = idOf(other);
    const taken = owner === id ? undefined : keysIn(other).find((key) => keys.includes(key));
    if (taken !== undefined) throw new RequestError(409, `The key ${taken} is one of the app ${owner} already.`);
  }
}

/** Of whatever somebody wrote there by hand. */
function keysIn(value: unknown): unknown[] {
  const { key, keys } = Object(value) as { readonly key?: unknown; readonly keys?: unknown };
  const pairs: unknown[] = Array.isArray(keys) ? keys : [];
  const found = [key, ...pairs.map((pair) => (Object(pair) as { readonly key?: unknown }).key)];
  return found.filter((one) => typeof one === 'string');
}

function idOf(value: unknown): string | undefined {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** Of the content: it comes back with it, and then nothing was changed. */
function versionOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 16);
}
