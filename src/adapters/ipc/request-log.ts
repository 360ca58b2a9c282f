// The request log of a worker: the primary's, asked over the channel.
import type { Attempt, Claimed, RequestLog } from '../../core/ports.ts';
import type { Caller } from './caller.ts';

export class IpcRequestLog implements RequestLog {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  begin(appId: string, key: string, digest: string): Promise<Attempt> {
    return this.#primary.call('beginRequest', appId, key, digest);
  }

  finish(appId: string, key: string, claimed: Claimed, answer: string): Promise<void> {
    return this.#primary.call('finishRequest', appId, key, claimed, answer);
  }

  forget(appId: string, key: string, claim: string): Promise<void> {
    return this.#primary.call('forgetRequest', appId, key, claim);
  }
}
