// The answers of publishes that the front takes: what nearly all of them share is made once a second.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readPlainRequest } from '../../src/http/plain-request.ts';
import { Publisher } from '../../src/http/publisher.ts';
import type { RequestError } from '../../src/protocol/errors.ts';
import { createHarness, type Harness } from '../core/support/harness.ts';
import { signed } from '../support/api.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 2, 3, 4, 5) });
});
afterEach(() => {
  vi.useRealTimers();
});

const body = JSON.stringify({ name: 'e', channels: ['news'], data: 'x' });

function publisherOf(harness: Harness): { publish(): Promise<string> } {
  const refusalOf = (err: unknown) => err as RequestError;
  const publisher = new Publisher(harness.core, { pathPrefix: '', keepAliveMs: 5000, refusalOf });
  const { key, secret, id } = harness.app;
  const publish = async () => {
    const url = signed('POST', `/apps/${id}/events`, body, { query: { auth_key: key }, secret });
    const head = [`POST ${url} HTTP/1.1`, 'Host: x', `Content-Length: ${body.length}`, '', ''].join('\r\n');
    const request = readPlainRequest(Buffer.from(head + body));
    return String(request && (await publisher.answer(request)));
  };
  return { publish };
}

it('answers with the date of the second, however many there were in it', async () => {
  await using harness = await createHarness();
  const { publish } = publisherOf(harness);
  const answers = [await publish(), await publish()];
  expect(answers[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answers[0]).toContain('date: Fri, 02 Jan 2026 03:04:05 GMT\r\n');
  expect(answers[0]).toMatch(/\r\n\r\n\{\}$/);
  expect(answers[1]).toBe(answers[0]);
  vi.setSystemTime(Date.now() + 60_000);
  expect(await publish()).toContain('date: Fri, 02 Jan 2026 03:05:05 GMT\r\n');
});

it('says that the connection ends as soon as the server does', async () => {
  await using harness = await createHarness();
  const { publish } = publisherOf(harness);
  expect(await publish()).toContain('connection: keep-alive\r\n');
  await harness.core.drain({ closesPerSecond: 1, withinMs: 1 });
  expect(await publish()).toContain('connection: close\r\n');
});
