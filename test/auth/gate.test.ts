// The gate: how many run, how many wait, when it breaks and how it mends.
import { describe, expect, it, vi } from 'vitest';
import { Gate, type GateOptions } from '../../src/auth/gate.ts';

class Harness {
  readonly gate: Gate;
  readonly said: string[] = [];
  nowMs = 0;
  #ends: ((err?: Error) => void)[] = [];

  constructor(options: Partial<GateOptions> = {}) {
    const all = { concurrency: 2, waiting: 2, waitMs: 1000, failures: 3, breakMs: 5000, ...options };
    this.gate = new Gate(
      { ...all, now: () => this.nowMs },
      {
        busy: () => new Error('busy'),
        broken: (leftMs) => new Error(`broken for ${leftMs}`),
        opened: () => this.said.push('opened'),
        closed: () => this.said.push('closed'),
      },
    );
  }

  /** How many run. */
  get running(): number {
    return this.#ends.length;
  }

  /** Work that runs until `end`. */
  start(): Promise<string> {
    const work = () =>
      new Promise<string>((resolve, reject) => {
        this.#ends.push((err) => (err === undefined ? resolve('done') : reject(err)));
      });
    const outcome = this.gate.run(work, (err) => (err as Error).message === 'failed');
    return outcome.catch((err: Error) => err.message);
  }

  /** Ends the work that runs longest. */
  async end(err?: Error): Promise<void> {
    this.#ends.shift()?.(err);
    await new Promise(setImmediate);
  }

  /** Runs one work to its end. */
  async once(err?: Error): Promise<string> {
    const outcome = this.start();
    await new Promise(setImmediate);
    await this.end(err);
    return await outcome;
  }
}

const failed = new Error('failed');
const refused = new Error('refused');

describe('how many run', () => {
  it('runs as many as it may, the others in order, when one ends', async () => {
    const harness = new Harness();
    const outcomes = [1, 2, 3, 4].map(() => harness.start());
    await new Promise(setImmediate);
    expect(harness.running).toBe(2);
    await harness.end();
    expect(harness.running).toBe(2);
    for (let n = 0; n < 3; n += 1) await harness.end(n === 1 ? failed : undefined);
    expect(await Promise.all(outcomes)).toEqual(['done', 'done', 'failed', 'done']);
    expect(harness.running).toBe(0);
  });

  it('refuses who comes when enough wait', async () => {
    const harness = new Harness();
    for (let n = 0; n < 4; n += 1) void harness.start();
    expect(await harness.start()).toBe('busy');
    await new Promise(setImmediate);
    await harness.end();
    void harness.start();
    expect(await harness.start()).toBe('busy');
  });

  it('refuses who has waited long enough, and forgets them', async () => {
    const harness = new Harness({ waitMs: 5, waiting: 1 });
    void harness.start();
    void harness.start();
    expect(await harness.start()).toBe('busy');
    expect(await harness.start()).toBe('busy');
    await harness.end();
    expect(harness.running).toBe(1);
  });

  it('counts a work that throws at once as ended', async () => {
    const harness = new Harness({ concurrency: 1 });
    const work = vi.fn(() => Promise.reject(refused));
    await expect(harness.gate.run(work, () => false)).rejects.toBe(refused);
    expect(await harness.once()).toBe('done');
  });
});

describe('the breaker', () => {
  it('breaks after so many failures in a row, and says for how long', async () => {
    const harness = new Harness();
    for (let n = 0; n < 3; n += 1) expect(await harness.once(failed)).toBe('failed');
    expect(harness.said).toEqual(['opened']);
    expect(await harness.start()).toBe('broken for 5000');
    harness.nowMs = 4999;
    expect(await harness.start()).toBe('broken for 1');
    expect(harness.running).toBe(0);
  });

  it('takes refusals and answers for successes', async () => {
    const harness = new Harness();
    for (const outcome of [failed, failed, refused, failed, failed, undefined, failed, failed])
      await harness.once(outcome);
    expect(harness.said).toEqual([]);
  });

  it('lets one try when the time is over: a success mends it', async () => {
    const harness = new Harness();
    for (let n = 0; n < 3; n += 1) await harness.once(failed);
    harness.nowMs = 5000;
    const trial = harness.start();
    expect(await harness.start()).toBe('broken for 0');
    await harness.end();
    expect(await trial).toBe('done');
    expect(harness.said).toEqual(['opened', 'closed']);
    expect(await harness.once()).toBe('done');
  });

  it('a failure of the one who tries breaks it again, and is not told once more', async () => {
    const harness = new Harness();
    for (let n = 0; n < 3; n += 1) await harness.once(failed);
    harness.nowMs = 5000;
    expect(await harness.once(failed)).toBe('failed');
    expect(await harness.start()).toBe('broken for 5000');
    harness.nowMs = 10_000;
    expect(await harness.once()).toBe('done');
    expect(harness.said).toEqual(['opened', 'closed']);
  });

  it('refuses those who waited while it broke', async () => {
    const harness = new Harness({ concurrency: 1, failures: 2 });
    const outcomes = [1, 2, 3].map(() => harness.start());
    await new Promise(setImmediate);
    for (let n = 0; n < 2; n += 1) await harness.end(failed);
    expect(await Promise.all(outcomes)).toEqual(['failed', 'failed', 'broken for 5000']);
    expect(harness.running).toBe(0);
  });
});
