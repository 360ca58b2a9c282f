// What a store of apps is made over: a file, Redis, a database. Whoever implements it reads and writes whole records and
// checks nothing: that is stored-apps.ts' work. Types only.

/** An app as it is kept, not yet checked. */
export interface AppRecord {
  /** What names it where its content is unreadable. */
  readonly id: string;
  /** JSON that should be an app, as `apps` of the configuration has it. */
  readonly value: unknown;
  /** Another one after every change of this record. */
  readonly version: string;
  /** What of it is served otherwise than it is written, in phrases without secrets: it is logged. */
  readonly remarks?: readonly string[];
}

export interface AppSource {
  /** For people and logs: what it is and where, without credentials. */
  readonly name: string;
  /** @throws Error when it cannot be reached, with the reason */
  open(): Promise<void>;
  /** Safe to call twice; also after an `open` that failed. */
  close(): Promise<void>;
  /** Cheap, asked every second: a text that is another one once anything was changed, by whomever. */
  revision(): Promise<string>;
  /** All records. */
  load(): Promise<readonly AppRecord[]>;
  /** undefined: nothing can be written. */
  readonly writer: AppWriter | undefined;
  /** Where changes are told at once, besides `revision`: `onNews` is called then. */
  listen?(onNews: () => void): void;
}

/** Each is one atomic step. Keys of other apps are compared in stored-apps.ts, and held unique here where that can be. */
export interface AppWriter {
  /** @returns the new version, or why not */
  insert(id: string, value: object): Promise<{ readonly version: string } | 'exists'>;
  /** @param version undefined: whatever it is */
  update(
    id: string,
    value: object,
    version: string | undefined,
  ): Promise<{ readonly version: string } | 'missing' | 'changed'>;
  remove(id: string, version: string | undefined): Promise<'removed' | 'missing' | 'changed'>;
}
