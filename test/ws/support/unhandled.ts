// Fails a file's tests when anything in the process was thrown or rejected and nobody caught it.
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

export function failOnUnhandled(): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeAll(() => {
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
  });
  afterEach(() => expect(unhandled).toEqual([]));
  afterAll(() => {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(unhandled).toEqual([]);
  });
}
