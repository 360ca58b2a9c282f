// A call at a time of the wall clock, however far away.

/** A timer that is longer than this would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls `ring` once, when Date.now() has reached `atMs`; never before this returns. Keeps no process alive.
 * @returns a function that calls it off
 */
export function alarm(atMs: number, ring: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = Math.max(0, atMs - Date.now());
    timer = setTimeout(check, Math.min(leftMs, LONGEST_TIMER_MS)).unref();
  };
  const check = () => {
    if (Date.now() >= atMs) ring();
    else wait();
  };
  wait();
  return () => clearTimeout(timer);
}
