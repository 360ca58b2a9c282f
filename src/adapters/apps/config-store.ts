// The apps of the configuration: they never change.
import type { App } from '../../core/app.ts';
import type { AppStore, RefusedApp } from '../../core/app-store.ts';
import { keysOf, pairOf } from '../../core/key-pairs.ts';

export class ConfigAppStore implements AppStore {
  readonly editor = undefined;
  readonly #byId: ReadonlyMap<string, App>;
  readonly #byKey: ReadonlyMap<string, App>;

  /** @param apps ids and keys are unique, which the configuration checks. */
  constructor(apps: readonly App[]) {
    this.#byId = new Map(apps.map((app) => [app.id, app]));
    this.#byKey = new Map(apps.flatMap((app) => keysOf(app).map((key): [string, App] => [key, app])));
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async findById(id: string): Promise<App | undefined> {
    return this.#byId.get(id);
  }

  async findByKey(key: string): Promise<App | undefined> {
    const app = this.#byKey.get(key);
    return app !== undefined && pairOf(app, key, Date.now()) !== undefined ? app : undefined;
  }

  async list(): Promise<readonly App[]> {
    return [...this.#byId.values()];
  }

  trouble(): undefined {}

  refused(): readonly RefusedApp[] {
    return [];
  }
}
