// Turns of the event loop, and time that passes as tests say.
import { vi } from 'vitest';

/** Everything that is under way without waiting for anybody is done, and every socket has been written to. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Fakes clocks and timers, but not the turns of the event loop. Undone by vi.useRealTimers(). */
export function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
}

/** Passes time in fake timers, second by second, so that everything due happens in its turn. */
export async function passSeconds(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    await settle();
  }
}
