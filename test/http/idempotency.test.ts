// Idempotency-Key where something fails after a publish began: nobody gets an event twice.
import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Authorizer } from '../../src/core/authorization.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { requestErrors } from '../../src/protocol/errors.ts';
import { createHarness, type Gate, type Harness, suspend } from '../core/support/harness.ts';
import { settle } from '../core/support/time.ts';
import { type ApiAnswer, api } from '../support/api.ts';
import { credentials } from '../support/server.ts';

const away = requestErrors.unavailable();
const event = { name: 'e', channels: ['a', 'b'], data: 'x' };
const counted = { ...event, info: 'subscription_count' };
const received = ['e a x', 'e b x'];

afterEach(() => void vi.restoreAllMocks());

interface Rig extends AsyncDisposable {
  readonly harness: Harness;
  publish(body: object, route?: string): Promise<ApiAnswer>;
}

async function startRig(limits = {}): Promise<Rig> {
  const harness = await createHarness({ ...credentials, limits });
  const options = {
    pathPrefix: '',
    tls: undefined,
    development: false,
    version: '1.2.3',
    webhooks: { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 },
    authorization: { authorizer: {} as Authorizer, channelPaths: [], userPaths: [] },
    adminTokens: [],
  };
  const http = createHttpServer(harness.core, options, pino({ level: 'silent' }));
  const url = await http.fastify.listen({ host: '127.0.0.1', port: 0 });
  const headers = { 'idempotency-key': 'key' };
  return {
    harness,
    publish: (body, route = 'events') => api({ url }, 'POST', `/apps/app-id/${route}`, { body, headers }),
    [Symbol.asyncDispose]: async () => {
      await http.close();
      await harness[Symbol.asyncDispose]();
    },
  };
}

/** What is answered where the call behind the gate fails. */
async function answerWhere(gate: Gate, err: Error, answer: Promise<ApiAnswer>): Promise<ApiAnswer> {
  await gate.entered;
  gate.fail(err);
  return await answer;
}

async function listen(harness: Harness) {
  const client = await harness.connect();
  for (const channel of event.channels) await client.subscribe(channel);
  return client;
}

describe('a publish that is sent again', () => {
  test.each([
    ['events', counted, '{"channels":{}}'],
    ['batch_events', { batch: [{ name: 'e', channel: 'a', data: 'x', info: 'subscription_count' }] }, '{"batch":[{}]}'],
  ])('has its answer, without the counts that could not be had: %s', async (route, body, answer) => {
    await using rig = await startRig();
    const client = await listen(rig.harness);
    const gate = suspend(rig.harness.adapters.tracker, 'counts');
    const first = await answerWhere(gate, away, rig.publish(body, route));
    for (const told of [first, await rig.publish(body, route)]) {
      expect(told).toMatchObject({ status: 200, text: answer });
    }
    expect(await client.read()).toEqual(route === 'events' ? received : ['e a x']);
  });

  test('is refused where counting failed for another reason', async () => {
    await using rig = await startRig();
    const client = await listen(rig.harness);
    const gate = suspend(rig.harness.adapters.tracker, 'counts');
    expect((await answerWhere(gate, new Error('a bug'), rig.publish(counted))).status).toBe(500);
    expect((await rig.publish(counted)).status).toBe(409);
    expect(await client.read()).toEqual(received);
  });

  test.each(['call', 'answer'] as const)('is refused where one of its channels failed: %s', async (what) => {
    await using rig = await startRig();
    const client = await listen(rig.harness);
    const gate = suspend(rig.harness.adapters.broker, 'publish', what);
    expect((await answerWhere(gate, away, rig.publish(event))).status).toBe(503);
    expect((await rig.publish(event)).status).toBe(409);
    await settle();
    expect(await client.read()).toEqual(what === 'answer' ? received : ['e b x']);
  });

  test('is done where the first was refused before anything was published', async () => {
    await using rig = await startRig({ eventsPerSecond: 1 });
    const client = await listen(rig.harness);
    const gate = suspend(rig.harness.adapters.rateLimiter, 'take');
    expect((await answerWhere(gate, requestErrors.rate(1000, 1), rig.publish(event))).status).toBe(429);
    expect((await rig.publish(event)).status).toBe(200);
    expect(await client.read()).toEqual(received);
  });
});
