// What a primary and its workers tell each other beside the adapters' calls.
import type { Config } from '../config/schema.ts';
import type { Listening } from '../server.ts';

/** From the primary. All workers run with the primary's configuration, whatever its file says by then. */
export type Order = { readonly type: 'run'; readonly config: Config } | { readonly type: 'stop' };

export type Report =
  /** Ready for orders: what is sent before is lost. */
  | { readonly type: 'here' }
  | { readonly type: 'up'; readonly listening: Listening }
  /** The worker could not start, and ends. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string | undefined };
