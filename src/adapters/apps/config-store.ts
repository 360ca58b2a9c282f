// The apps of the configuration, read-only.
import type { App } from '../../core/app.ts';
import type { AppStore } from '../../core/ports.ts';

export class ConfigAppStore implements AppStore {
  readonly #byId: ReadonlyMap<string, App>;
  readonly #byKey: ReadonlyMap<string, App>;

  /** @param apps ids and keys are unique, which the configuration checks. */
  constructor(apps: readonly App[]) {
    this.#byId = new Map(apps.map((app) => [app.id, app]));
    this.#byKey = new Map(apps.map((app) => [app.key, app]));
  }

  async findById(id: string): Promise<App | undefined> {
    return this.#byId.get(id);
  }

  async findByKey(key: string): Promise<App | undefined> {
    return this.#byKey.get(key);
  }

  async list(): Promise<readonly App[]> {
    return [...this.#byId.values()];
  }
}
