// One writer of a file at a time, among the processes of a machine: a lock file beside it, made exclusively. Node has no
// flock, and a lock that a dead process left must not last.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** A write takes milliseconds: whoever holds the lock for longer is dead, or must not write any more. */
const STALE_MS = 5000;
const RETRY_MS = 10;
/** Longer than a stale lock lasts. */
const GIVE_UP_MS = 10_000;

/** While a lock is held. */
export interface Held {
  /** @throws Error when the lock was taken away as it was held for too long; asked right before the change counts */
  check(): Promise<void>;
}

/** Runs the work while no other process does. */
export async function locked<T>(path: string, work: (held: Held) => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const handle = await take(lock);
  // The file that is open, and no other of the same name: as long as it is open, its number is not given away.
  const { ino } = await handle.stat();
  const isOurs = async () => (await inodeOf(lock)) === ino;
  try {
    return await work({
      check: async () => {
        if (!(await isOurs())) throw new Error(`${lock} was removed while this process wrote`);
      },
    });
  } finally {
    if (await isOurs()) await unlink(lock);
    await handle.close();
  }
}

async function take(lock: string): Promise<FileHandle> {
  const beganAtMs = performance.now();
  while (performance.now() - beganAtMs < GIVE_UP_MS) {
    try {
      return await open(lock, 'wx', 0o600);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
    }
    if (await isStale(lock)) await clear(lock);
    await setTimeout(RETRY_MS);
  }
  throw new Error(`others hold ${lock} all the time`);
}

async function isStale(lock: string): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

/** Renamed first: of several that find it stale, one moves it. */
async function clear(lock: string): Promise<void> {
  const aside = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, aside);
    await unlink(aside);
  } catch {
    // Somebody else did.
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}
