// Apps that change when a test says so.
import type { App } from '../../../src/core/app.ts';
import type { AppStore, RefusedApp } from '../../../src/core/app-store.ts';

export class ChangingStore implements AppStore {
  readonly editor = undefined;
  running = false;
  readonly #apps: Map<string, App>;
  #onChange: (id: string) => void = () => {};

  constructor(...apps: App[]) {
    this.#apps = new Map(apps.map((app) => [app.id, app]));
  }

  async start(onChange: (id: string) => void): Promise<void> {
    this.#onChange = onChange;
    this.running = true;
  }

  async stop(): Promise<void> {
    this.running = false;
  }

  put(...apps: App[]): void {
    for (const app of apps) this.#apps.set(app.id, app);
    for (const { id } of apps) this.#onChange(id);
  }

  remove(id: string): void {
    this.#apps.delete(id);
    this.#onChange(id);
  }

  async findById(id: string): Promise<App | undefined> {
    return this.#apps.get(id);
  }

  async findByKey(key: string): Promise<App | undefined> {
    return [...this.#apps.values()].find((app) => app.key === key);
  }

  async list(): Promise<readonly App[]> {
    return [...this.#apps.values()];
  }

  trouble(): undefined {}

  refused(): readonly RefusedApp[] {
    return [];
  }
}
