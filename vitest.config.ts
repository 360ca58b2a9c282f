// How the suite runs: in parallel but for two cores, bounded, never retried.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/provision.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    retry: 0,
    maxWorkers: 2,
    reporters: ['default', './test/support/reporter.ts'],
  },
});
