// A request with an idempotency key: done once, told again, and what happens when it fails or its log is away.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryRequestLog } from '../../src/adapters/memory/request-log.ts';
import { once } from '../../src/core/once.ts';
import { PENDING_SECONDS, type RequestLog } from '../../src/core/ports.ts';
import { RequestError, requestErrors } from '../../src/protocol/errors.ts';
import { fakeTime, passSeconds, settle } from './support/time.ts';

afterEach(() => void vi.useRealTimers());

const request = { key: 'key', content: ['events', Buffer.from('{}')] };
const answering = (answer: string) => async () => answer;

describe('once', () => {
  test('does the work once, and tells its answer again', async () => {
    const log = new MemoryRequestLog();
    expect(await once(log, 'app', request, answering('1'))).toEqual({ answer: '1', replayed: false });
    expect(await once(log, 'app', request, answering('2'))).toEqual({ answer: '1', replayed: true });
    expect(await once(log, 'other', request, answering('3'))).toEqual({ answer: '3', replayed: false });
  });

  test('refuses a second one while the first is under way, which is then told again', async () => {
    const log = new MemoryRequestLog();
    let finish: (answer: string) => void = () => {};
    const first = once(log, 'app', request, () => new Promise((resolve) => (finish = resolve)));
    await expect(once(log, 'app', request, answering('2'))).rejects.toMatchObject({
      status: 409,
      headers: { 'retry-after': '1' },
    });
    finish('1');
    await first;
    expect(await once(log, 'app', request, answering('2'))).toEqual({ answer: '1', replayed: true });
  });

  test.each([
    ['another body', ['events', Buffer.from('{"a":1}')]],
    ['another route', ['batch_events', Buffer.from('{}')]],
    ['parts that make the same text', ['events{', Buffer.from('}')]],
  ])('refuses a key that was used with %s', async (_, content) => {
    const log = new MemoryRequestLog();
    await once(log, 'app', request, answering('1'));
    await expect(once(log, 'app', { key: 'key', content }, answering('2'))).rejects.toMatchObject({ status: 422 });
  });

  test('what was refused may be tried again with the same key', async () => {
    const log = new MemoryRequestLog();
    const refused = () => Promise.reject(new RequestError(413, 'too large'));
    await expect(once(log, 'app', request, refused)).rejects.toMatchObject({ status: 413 });
    expect(await once(log, 'app', request, answering('2'))).toEqual({ answer: '2', replayed: false });
  });

  test.each([
    ['Redis went away', requestErrors.unavailable()],
    ['something is wrong with us', new Error('a bug')],
  ])('what failed, as %s, may have been done: its key is taken until it lapses', async (_, err) => {
    fakeTime();
    const log = new MemoryRequestLog();
    await expect(once(log, 'app', request, () => Promise.reject(err))).rejects.toBe(err);
    await expect(once(log, 'app', request, answering('2'))).rejects.toMatchObject({ status: 409 });
    await passSeconds(PENDING_SECONDS);
    expect(await once(log, 'app', request, answering('2'))).toEqual({ answer: '2', replayed: false });
  });

  test('a refusal that took longer than its claim leaves the one after it alone', async () => {
    fakeTime();
    const log = new MemoryRequestLog();
    let refuse: (err: Error) => void = () => {};
    let finish: (answer: string) => void = () => {};
    const first = once(log, 'app', request, () => new Promise((_, reject) => (refuse = reject)));
    await passSeconds(PENDING_SECONDS);
    const second = once(log, 'app', request, () => new Promise((resolve) => (finish = resolve)));
    await settle();
    refuse(new RequestError(429, 'too many'));
    await expect(first).rejects.toMatchObject({ status: 429 });
    await expect(once(log, 'app', request, answering('3'))).rejects.toMatchObject({ status: 409 });
    finish('2');
    expect(await second).toEqual({ answer: '2', replayed: false });
  });

  test('does nothing while its log is away, and is done although its log went away meanwhile', async () => {
    const away = () => Promise.reject(requestErrors.unavailable());
    let done = 0;
    const work = async () => {
      done += 1;
      return String(done);
    };
    const never: RequestLog = { begin: away, finish: away, forget: away };
    await expect(once(never, 'app', request, work)).rejects.toMatchObject({ status: 503 });
    expect(done).toBe(0);
    const going: RequestLog = { begin: async () => ({ state: 'new', claim: '1' }), finish: away, forget: away };
    expect(await once(going, 'app', request, work)).toEqual({ answer: '1', replayed: false });
    const failing = once(going, 'app', request, () => Promise.reject(new RequestError(400, 'no')));
    await expect(failing).rejects.toMatchObject({ status: 400 });
  });
});

describe('the log in this process', () => {
  test('is bounded: the oldest requests are forgotten', async () => {
    const log = new MemoryRequestLog(2);
    for (const key of ['a', 'b']) await log.begin('app', key, 'digest');
    await log.finish('app', 'a', { claim: '1', digest: 'digest' }, '1');
    await log.begin('app', 'c', 'digest');
    expect(await log.begin('app', 'a', 'digest')).toEqual({ state: 'done', answer: '1' });
    expect(await log.begin('app', 'b', 'digest')).toMatchObject({ state: 'new' });
  });
});
