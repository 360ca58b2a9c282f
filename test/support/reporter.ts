// Closes the run with the line `N passed, N failed`, and fails it when a test was skipped or none ran.
import type { Reporter, TestModule } from 'vitest/node';

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const skipped = count('skipped') + count('pending');
    const failed = count('failed') + broken + unhandledErrors.length;
    if (skipped > 0) console.log(`${skipped} tests were skipped: a skipped test is a failure here.`);
    if (tests.length === 0) console.log('No test ran: that is a failure here.');
    if (skipped > 0 || tests.length === 0) process.exitCode = 1;
    console.log(`${count('passed')} passed, ${failed + skipped} failed`);
  }
}
