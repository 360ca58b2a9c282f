// Whose webhooks they are, as far as this node knows.
import type { App } from '../core/app.ts';
import type { AppStore } from '../core/app-store.ts';

/**
 * @returns undefined: there is no such app any more
 * @throws Error while that cannot be told: its record is there and is none that serves, such as one that is being edited
 */
export async function lookUp(apps: Pick<AppStore, 'findById' | 'refused'>, appId: string): Promise<App | undefined> {
  const app = await apps.findById(appId);
  if (app === undefined && apps.refused().some(({ id }) => id === appId)) {
    throw new Error('the record of the app is refused at the moment');
  }
  return app;
}
