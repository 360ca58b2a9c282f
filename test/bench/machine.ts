// What the figures were measured on, and how many sockets this process may open there.
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly date: string;
  /** Processes that wanted a core in the minute before: the machine was not idle when this is far from 0. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    date: new Date().toISOString(),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** What a process needs beside the sockets of the load. */
const OTHER_FILES = 200;

/**
 * How many sockets this process, and a server it starts, may hold: Node raises its soft limit to the hard one by itself.
 * Infinity where the system does not say (no /proc).
 */
export function mostSockets(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const [, soft = 'unlimited'] = limits.match(/^Max open files\s+(\w+)/m) ?? [];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft) - OTHER_FILES;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
