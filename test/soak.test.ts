// The soak, short with every run of the suite, and as long as asked with `npm run soak` (SOAK_MINUTES=30 npm run soak).
import { expect, test } from 'vitest';
import { NOTHING } from './soak/cluster.ts';
import { soak } from './soak/soak.ts';

const SHORT_MINUTES = 0.2;
const LONGEST_MINUTES = 24 * 60;
/** Of the heap after the warm-up. */
const MOST_GROWTH = 1.1;

const { SOAK_MINUTES: asked } = process.env;
const minutes = asked === undefined ? SHORT_MINUTES : Number(asked);
if (!(minutes > 0 && minutes <= LONGEST_MINUTES)) {
  throw new Error(`SOAK_MINUTES must be a number above 0, at most ${LONGEST_MINUTES}, got "${asked}"`);
}

const closingMs = 90_000;

test('sockets that came and went leave nothing behind', { timeout: minutes * 60_000 + closingMs }, async () => {
  const { lives, acts, heapBytes, remains, troubles } = await soak(minutes);
  const { before, after } = heapBytes;
  const growth = `heap ${before} → ${after} bytes (× ${(after / before).toFixed(3)})`;
  console.log(`soak: ${minutes} minutes: ${lives} sockets, ${acts} acts, ${growth}`);
  expect(acts).toBeGreaterThan(0);
  expect(remains).toEqual(NOTHING);
  expect(troubles).toEqual([]);
  expect(after).toBeLessThanOrEqual(before * MOST_GROWTH);
});
