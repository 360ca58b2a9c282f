// Latencies of millions of deliveries in a fixed amount of memory: buckets that grow with the value, as in HdrHistogram.

/** Buckets per doubling: a value is known within 1/128 of itself. */
const STEPS = 128;
const STEP_BITS = 7;
/** Larger values, 36 minutes and more, count as this one. */
const LARGEST_US = 2 ** 31 - 1;

/** Of durations in whole microseconds; smaller than 0 counts as 0. */
export class Histogram {
  readonly #counts = new Float64Array(bucketOf(LARGEST_US) + 1);
  count = 0;

  record(us: number): void {
    const bucket = bucketOf(us > LARGEST_US ? LARGEST_US : us > 0 ? us | 0 : 0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.count++;
  }

  /**
   * In milliseconds: the value that the share `quantile` (0 to 1) of all recorded values does not exceed, within 1/128.
   * NaN when nothing was recorded.
   */
  quantileMs(quantile: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(quantile * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return middleOf(bucket) / 1000;
    }
    return LARGEST_US / 1000;
  }

  reset(): void {
    this.#counts.fill(0);
    this.count = 0;
  }
}

/** Values below 2 × STEPS have a bucket each; from there on every doubling has STEPS of them. */
function bucketOf(us: number): number {
  if (us < 2 * STEPS) return us;
  const shift = 31 - Math.clz32(us) - STEP_BITS;
  return shift * STEPS + (us >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (bucket - shift * STEPS + 0.5) * 2 ** shift;
}
