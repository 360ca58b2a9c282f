// What is added to an app's queue goes one call after the other, and what waits goes together.
import { describe, expect, test } from 'vitest';
import { Intake } from '../../src/adapters/redis/intake.ts';

/** Calls that are answered when the test says so. */
function makeCalls() {
  const sent: string[] = [];
  const waiting: { resolve: (answer: number) => void; reject: (err: Error) => void }[] = [];
  const intake = new Intake((appId, texts) => {
    sent.push(`${appId} ${texts.join('')}`);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  });
  const answer = (number: number) => waiting.shift()?.resolve(number);
  const fail = () => waiting.shift()?.reject(new Error('away'));
  return { intake, sent, answer, fail };
}

describe('intake', () => {
  test('sends at once what nothing is before, and what comes meanwhile together when that is answered', async () => {
    const { intake, sent, answer } = makeCalls();
    const [a, b, c] = [intake.add('app', ['a']), intake.add('app', ['b', 'B']), intake.add('app', ['c'])];
    expect(sent).toEqual(['app a']);
    answer(1);
    expect(await a).toBe(1);
    expect(sent).toEqual(['app a', 'app bBc']);
    const d = intake.add('app', ['d']);
    answer(2);
    expect(await Promise.all([b, c])).toEqual([2, 0]);
    expect(sent).toEqual(['app a', 'app bBc', 'app d']);
    answer(0);
    expect(await d).toBe(0);
  });

  test('has the apps not wait for each other', () => {
    const { intake, sent } = makeCalls();
    void intake.add('one', ['a']);
    void intake.add('two', ['b']);
    expect(sent).toEqual(['one a', 'two b']);
  });

  test('fails what failed, all that went together, and nothing that comes later', async () => {
    const { intake, sent, answer, fail } = makeCalls();
    const [a, b, c] = [intake.add('app', ['a']), intake.add('app', ['b']), intake.add('app', ['c'])];
    fail();
    await expect(a).rejects.toThrow('away');
    const d = intake.add('app', ['d']);
    fail();
    await expect(b).rejects.toThrow('away');
    await expect(c).rejects.toThrow('away');
    expect(sent).toEqual(['app a', 'app bc', 'app d']);
    answer(0);
    expect(await d).toBe(0);
    const e = intake.add('app', ['e']);
    answer(0);
    expect(await e).toBe(0);
  });
});
