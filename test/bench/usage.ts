// CPU time and memory of processes, from /proc: of the process itself and everything it started.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Whether the system has what this file reads. Without it the columns of CPU time and memory are left out. */
export const canMeasure = existsSync('/proc/self/stat');

/** USER_HZ, which /proc counts in: 100 on every architecture Node runs on, so CPU times are known to 10 ms. */
const TICK_US = 10_000;

export interface Usage {
  /** User and system time since the start. */
  readonly cpuUs: number;
  readonly rssKb: number;
}

/** Of all processes given and their descendants together. What has ended counts as nothing. Undefined without /proc. */
export function usageOf(pids: readonly number[]): Usage | undefined {
  if (!canMeasure) return undefined;
  const all = new Set(pids.flatMap((pid) => [pid, ...descendants(pid)]));
  let cpuUs = 0;
  let rssKb = 0;
  for (const pid of all) {
    const stat = read(`/proc/${pid}/stat`);
    // proc(5): the name in brackets may hold anything; after it, fields 14 and 15 are 11 and 12.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuUs += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_US;
    rssKb += Number(read(`/proc/${pid}/status`).match(/^VmRSS:\s+(\d+)/m)?.[1] ?? 0);
  }
  return { cpuUs, rssKb };
}

/** All processes it started, and theirs. */
export function descendants(pid: number): number[] {
  const children = threads(pid)
    .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' '))
    .filter((text) => text !== '')
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
