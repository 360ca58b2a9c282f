// Waiting for what the load makes true.
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;

/** Of a case: its row says what was wrong, and the benchmark fails. */
export class CaseFailed extends Error {}

/** @throws CaseFailed when it is not so within `limitMs`; what `condition` throws, it throws */
export async function until(condition: () => boolean, limitMs: number, otherwise: () => string): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new CaseFailed(otherwise());
    await delay(POLL_MS);
  }
}
