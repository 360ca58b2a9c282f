// Apps that change while they are in use: what this node does about it, at once.
import { type Ending, endings } from '../protocol/errors.ts';
import type { App } from './app.ts';
import type { AppStore } from './app-store.ts';
import type { Context } from './context.ts';

interface LiveAppsOptions {
  readonly closesPerSecond: number;
}

type Changed = ReadonlyMap<string, App | undefined>;

export class LiveApps {
  readonly #apps: AppStore;
  readonly #context: Pick<Context, 'connections' | 'counts' | 'log'>;
  readonly #options: LiveAppsOptions;
  readonly #listeners: ((changed: Changed) => void)[] = [];
  /** Ids of what changed and was not looked up yet. */
  #changed = new Set<string>();
  /** By app id: why its sockets are being sent away, while there are any. */
  readonly #endings = new Map<string, Ending>();

  constructor(apps: AppStore, context: Pick<Context, 'connections' | 'counts' | 'log'>, options: LiveAppsOptions) {
    this.#apps = apps;
    this.#context = context;
    this.#options = options;
  }

  /** @param listener is told the apps that changed, as they are now; undefined: gone */
  onChange(listener: (changed: Changed) => void): void {
    this.#listeners.push(listener);
  }

  /** For the store: many that change at once are one pass over the connections. */
  readonly changed = (id: string): void => {
    const isFirst = this.#changed.size === 0;
    this.#changed.add(id);
    if (!isFirst) return;
    this.#take().catch((err: unknown) => this.#context.log.error({ err }, 'a change of apps could not be taken up'));
  };

  async #take(): Promise<void> {
    // Those that are told in the same moment.
    await Promise.resolve();
    const ids = [...this.#changed];
    this.#changed = new Set();
    const looked = ids.map(async (id): Promise<[string, App | undefined]> => [id, await this.#apps.findById(id)]);
    const changed = new Map(await Promise.all(looked));
    const { connections, counts } = this.#context;
    for (const connection of connections.all()) {
      const app = changed.get(connection.app.id);
      if (app !== undefined) connection.change(app);
    }
    counts.appsChanged(changed);
    for (const listener of this.#listeners) listener(changed);
    const sizes = connections.countByApp();
    for (const [id, app] of changed) {
      this.#settle(id, app, sizes.get(id) ?? 0);
      this.#context.log.debug({ appId: id, sockets: sizes.get(id) ?? 0, removed: app === undefined }, 'an app changed');
    }
  }

  /** Sends the sockets away from an app that may not be connected to, once for each reason. */
  #settle(id: string, app: App | undefined, sockets: number): void {
    const ending = app === undefined ? endings.unknownApp : app.enabled ? undefined : endings.disabledApp;
    if (ending === undefined || sockets === 0) {
      this.#endings.delete(id);
      return;
    }
    if (this.#endings.get(id) === ending) return;
    this.#endings.set(id, ending);
    const { connections, log } = this.#context;
    log.info({ appId: id, sockets, reason: ending.message }, 'sending the sockets of an app away');
    connections.sendAway(ending, {
      closesPerSecond: this.#options.closesPerSecond,
      which: (connection) => connection.app.id === id,
      goesOn: () => this.#endings.get(id) === ending,
    });
  }
}
