// The apps of a source, kept in memory: read as a whole whenever the source says that something is another, and served
// on while it is away.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { App } from '../../core/app.ts';
import type { AppEditor, AppStore, RefusedApp } from '../../core/app-store.ts';
import { pairOf } from '../../core/key-pairs.ts';
import { type Catalog, catalogOf, NOTHING, type Rules } from './catalog.ts';
import { StoredAppEditor } from './editor.ts';
import type { AppRecord, AppSource } from './source.ts';

export interface StoredAppsOptions {
  /** How often the source is asked whether something is another. */
  readonly lookEveryMs?: number;
  /** Whether this is a development server. */
  readonly development?: boolean;
}

const LOOK_EVERY_MS = 1000;

export class StoredApps implements AppStore {
  readonly rules: Rules;
  readonly #source: AppSource;
  readonly #log: Logger;
  readonly #lookEveryMs: number;
  #editor: AppEditor | undefined;
  #catalog: Catalog = NOTHING;
  #onChange: (id: string) => void = () => {};
  /** What the records in memory are of; undefined: older than an edit of this node. */
  #revision: string | undefined;
  /** Edits of this node so far. */
  #edits = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #away: { readonly since: Date; readonly reason: string } | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    source: AppSource,
    log: Logger,
    { lookEveryMs = LOOK_EVERY_MS, development = false }: StoredAppsOptions = {},
  ) {
    this.#source = source;
    this.#log = log;
    this.#lookEveryMs = lookEveryMs;
    this.rules = { development };
  }

  /** From the start on. */
  get editor(): AppEditor | undefined {
    return this.#editor;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  async start(onChange: (id: string) => void): Promise<void> {
    try {
      await this.#source.open();
      await this.#load(await this.#source.revision());
    } catch (err) {
      await this.stop();
      // A new one: whoever starts the server takes the codes of others for those of its port.
      throw new Error(`the apps cannot be read: ${reasonOf(err, this.#source)}`);
    }
    this.#editor = this.#source.writer && new StoredAppEditor(this.#source.writer, this);
    this.#onChange = onChange;
    this.#source.listen?.(() => void this.look());
    this.#timer = setInterval(() => void this.look(), this.#lookEveryMs).unref();
    this.#log.info({ source: this.#source.name, apps: this.#catalog.byId.size }, 'apps were read');
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    // What is asked of the source may take its time to fail; it does not matter any more.
    await this.#source.close();
    await this.#looking;
  }

  async findById(id: string): Promise<App | undefined> {
    return this.#catalog.byId.get(id)?.app;
  }

  async findByKey(key: string): Promise<App | undefined> {
    const app = this.#catalog.byKey.get(key);
    return app !== undefined && pairOf(app, key, Date.now()) !== undefined ? app : undefined;
  }

  async list(): Promise<readonly App[]> {
    return [...this.#catalog.byId.values()].map(({ app }) => app);
  }

  trouble(): string | undefined {
    if (this.#away === undefined) return undefined;
    const { since, reason } = this.#away;
    return `Changes of apps are not noticed since ${since.toISOString()}: ${reason}`;
  }

  refused(): readonly RefusedApp[] {
    return this.#catalog.refused.map(({ id, reason }) => ({ id, reason }));
  }

  /** Resolves when what the source has by now is in memory, or is known to be out of reach. Looks never overlap. */
  look(): Promise<void> {
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilDone();
    return this.#looking;
  }

  async #lookUntilDone(): Promise<void> {
    while (this.#lookAgain && this.#stopping === undefined) {
      this.#lookAgain = false;
      try {
        const revision = await this.#source.revision();
        if (revision !== this.#revision) await this.#load(revision);
        this.#back();
      } catch (err) {
        this.#gone(err);
      }
    }
    this.#looking = undefined;
  }

  /** @param revision asked for before: what changes meanwhile is found at the next look */
  async #load(revision: string): Promise<void> {
    const edits = this.#edits;
    const records = await this.#source.load();
    if (edits === this.#edits) {
      this.#take(records);
      this.#revision = revision;
    } else {
      // They may be from before an edit of this node.
      this.#lookAgain = true;
    }
  }

  /** An edit of this node: counts at once, and is read with whatever came after it. */
  edited(id: string, record: AppRecord | undefined): void {
    this.#edits += 1;
    this.#revision = undefined;
    const records = new Map(this.#catalog.records);
    if (record === undefined) records.delete(id);
    else records.set(id, record);
    this.#take(records.values());
    void this.look();
  }

  #take(records: Iterable<AppRecord>): void {
    const before = this.#catalog;
    const after = catalogOf(records, before, this.rules);
    this.#catalog = after;
    for (const { id, reason, version } of after.refused) {
      const isKnown = before.refused.some((other) => other.id === id && other.version === version);
      if (!isKnown) this.#log.warn({ source: this.#source.name, appId: id, reason }, 'an app was refused');
    }
    for (const { id, version, remarks = [] } of after.records.values()) {
      if (remarks.length === 0 || before.records.get(id)?.version === version) continue;
      this.#log.warn(
        { source: this.#source.name, appId: id, remarks },
        'an app is served otherwise than it is written',
      );
    }
    for (const id of new Set([...before.byId.keys(), ...after.byId.keys()])) {
      if (isAnother(before.byId.get(id)?.app, after.byId.get(id)?.app)) this.#onChange(id);
    }
  }

  #gone(err: unknown): void {
    if (this.#stopping !== undefined) return;
    const isNew = this.#away === undefined;
    const reason = reasonOf(err, this.#source);
    this.#away = { since: this.#away?.since ?? new Date(), reason };
    if (isNew) this.#log.warn({ source: this.#source.name, reason }, 'changes of apps are not noticed for now');
  }

  #back(): void {
    if (this.#away === undefined) return;
    this.#away = undefined;
    this.#log.info({ source: this.#source.name }, 'changes of apps are noticed again');
  }
}

function isAnother(before: App | undefined, after: App | undefined): boolean {
  return before !== after && !isDeepStrictEqual(before, after);
}

/** Beginning with the source's name. */
function reasonOf(err: unknown, { name }: AppSource): string {
  const reason = err instanceof Error ? err.message : String(err);
  return reason.includes(name) ? reason : `${name}: ${reason}`;
}
