// Which key pair of an app signs its webhooks (webhooks.md §1): the oldest that is good, which every receiver knows, while
// a new one may not have reached them all.
import type { App } from '../core/app.ts';
import { pairsOf } from '../core/key-pairs.ts';
import type { Credentials } from '../protocol/signature.ts';

export function signingPair(app: App, nowMs: number): Credentials {
  return pairsOf(app, nowMs).at(-1) ?? app;
}
