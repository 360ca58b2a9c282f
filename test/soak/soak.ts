// Sockets come and go at random on every node for as long as asked; then there must be nothing left of them.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { admin } from '../adapters/support/redis-node.ts';
import { startRedis } from '../support/redis.ts';
import type { LogLine, TestServer } from '../support/server.ts';
import { type Remains, remains, startNode } from './cluster.ts';
import { Life } from './life.ts';

const NODES = 3;
/** Sockets open at the same time. */
const AT_ONCE = 60;
/** Of the time, to have compiled, cached and pooled what will be once and for all. */
const WARM_UP_SHARE = 1 / 3;
/** So that a soak ends, on however fast a machine. */
const MOST_LIVES = 10_000_000;

export interface Soaked {
  /** Sockets that came and went, and what they did. */
  readonly lives: number;
  readonly acts: number;
  /** What was used after garbage collection, with no socket open: after the warm-up, and in the end. */
  readonly heapBytes: { readonly before: number; readonly after: number };
  readonly remains: Remains;
  /** Warnings and errors of all nodes. */
  readonly troubles: readonly LogLine[];
}

export async function soak(minutes: number): Promise<Soaked> {
  await using redis = await startRedis();
  const settings = redis.settings();
  const troubles: LogLine[] = [];
  const nodes: TestServer[] = [];
  using outside = admin(redis);
  try {
    while (nodes.length < NODES) nodes.push(await startNode(settings, troubles));
    const soakMs = minutes * 60_000;
    await churn(nodes, soakMs * WARM_UP_SHARE);
    await remains(nodes, outside, settings.prefix);
    const before = heapBytes();
    const { lives, acts } = await churn(nodes, soakMs * (1 - WARM_UP_SHARE));
    const left = await remains(nodes, outside, settings.prefix);
    return { lives, acts, heapBytes: { before, after: heapBytes() }, remains: left, troubles };
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** Resolves when the time is over and every socket is closed. */
async function churn(nodes: readonly TestServer[], forMs: number): Promise<{ lives: number; acts: number }> {
  const endMs = performance.now() + forMs;
  let lives = 0;
  let acts = 0;
  const oneAfterAnother = async () => {
    while (performance.now() < endMs && lives < MOST_LIVES) {
      lives += 1;
      const done = await new Life(nodes).live();
      acts += done;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, oneAfterAnother));
  return { lives, acts };
}

const collectGarbage = makeCollector();

/** Without asking whoever starts the process for --expose-gc. */
function makeCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function heapBytes(): number {
  // What the first collection finalizes, the second frees.
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
