// Where apps come from. Stores answer from memory: an app is looked up for every request, and a store that is away must
// not take the server with it. Types only.
import type { App } from './app.ts';

/** An app as a store keeps it. */
export interface StoredApp {
  readonly app: App;
  /** Another one after every change. What is changed is named with it, so that nobody overwrites what they never saw. */
  readonly version: string;
}

/** A record that is no app: it is refused, the others serve. */
export interface RefusedApp {
  /** As far as it can be told. */
  readonly id: string;
  /** What is wrong with it, in a sentence, without secrets. */
  readonly reason: string;
}

export interface AppStore {
  /**
   * Reads all apps, and from now on notices changes within two seconds, whoever made them.
   * @param onChange is called with the id of each app that was added, changed or removed, after it counts here
   * @throws Error that says what cannot be reached, where, and why
   */
  start(onChange: (id: string) => void): Promise<void>;
  /** Safe to call twice. */
  stop(): Promise<void>;
  findById(id: string): Promise<App | undefined>;
  /** By any of the app's keys that is good at this moment. */
  findByKey(key: string): Promise<App | undefined>;
  list(): Promise<readonly App[]>;
  /** Why changes cannot be noticed at this moment, in a sentence; undefined when they can. What is known serves on. */
  trouble(): string | undefined;
  refused(): readonly RefusedApp[];
  /** undefined where apps cannot be changed: they are in the configuration, or in a table of somebody else. */
  readonly editor: AppEditor | undefined;
}

/** Changes apps. Each counts on this node when its promise resolves, and on all others within two seconds. */
export interface AppEditor {
  /** @throws RequestError 404 */
  read(id: string): Promise<StoredApp>;
  /** @throws RequestError 409 where the id or one of the keys is taken, 503 when the store cannot be reached */
  create(app: App): Promise<StoredApp>;
  /**
   * @param version what was read; undefined: whatever it is
   * @throws RequestError 404, 409 for another version or a taken key, 503
   */
  replace(app: App, version: string | undefined): Promise<StoredApp>;
  /** @throws RequestError as above */
  remove(id: string, version: string | undefined): Promise<void>;
}
