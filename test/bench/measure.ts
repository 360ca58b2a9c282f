// One measured window: a warm-up, then what the server delivered and what that cost it.
import { setTimeout as delay } from 'node:timers/promises';
import type { Audience } from './audience.ts';
import type { Source } from './load.ts';
import { until } from './until.ts';
import type { Usage } from './usage.ts';

/** The warm-up is a third of what is measured: a second by default. */
const WARM_UP_SHARE = 1 / 3;
const NOTHING_LIMIT_MS = 10_000;

export interface Measurable {
  usage(): Usage | undefined;
}

export interface Work {
  /** What is measured in it. */
  readonly secs: number;
  /** Whose CPU time counts. */
  readonly servers: readonly Measurable[];
  readonly load: Source;
  readonly audience?: Audience | undefined;
  /** Requests per second; undefined: a closed loop. */
  readonly rate?: number | undefined;
}

/** Latencies are kept by who takes them: of all that arrived after the warm-up, also after the window. */
export interface Measured {
  readonly perSecond: { readonly requests: number; readonly deliveries: number };
  /** Of all servers together, and of each; NaN where CPU time cannot be measured. */
  readonly cpuUs: number;
  readonly cpuUsOf: readonly number[];
  readonly requests: number;
  readonly deliveries: number;
  /** Processor cores the load itself took: close to 1 or above, it is the load that bounds the throughput. */
  readonly loadCores: number;
}

/** @throws CaseFailed when something was refused or lost, or did not arrive */
export async function measure({ secs, servers, load, audience, rate }: Work): Promise<Measured> {
  const cpu = () => servers.map((server) => server.usage()?.cpuUs ?? Number.NaN);
  load.start(rate);
  await delay(secs * WARM_UP_SHARE * 1000);
  load.reset();
  audience?.latency.reset();
  const own = process.cpuUsage();
  const before = { atMs: performance.now(), cpuUs: cpu(), requests: load.done, deliveries: audience?.heard ?? 0 };
  await delay(secs * 1000);
  // Of a window too short for the machine: with nothing in it there is nothing to divide by.
  await until(
    () => {
      load.check();
      audience?.check();
      return load.done > before.requests && (audience === undefined || audience.heard > before.deliveries);
    },
    NOTHING_LIMIT_MS,
    () => `nothing arrived within ${NOTHING_LIMIT_MS / 1000} s of the window's end`,
  );
  const { user, system } = process.cpuUsage(own);
  const after = { atMs: performance.now(), cpuUs: cpu(), requests: load.done, deliveries: audience?.heard ?? 0 };
  await load.stop();
  await audience?.drain();
  const requests = after.requests - before.requests;
  const deliveries = after.deliveries - before.deliveries;
  const seconds = (after.atMs - before.atMs) / 1000;
  const cpuUsOf = after.cpuUs.map((cpuUs, index) => cpuUs - (before.cpuUs[index] ?? 0));
  return {
    perSecond: { requests: requests / seconds, deliveries: deliveries / seconds },
    cpuUs: cpuUsOf.reduce((sum, us) => sum + us, 0),
    cpuUsOf,
    requests,
    deliveries,
    loadCores: (user + system) / 1e6 / seconds,
  };
}
