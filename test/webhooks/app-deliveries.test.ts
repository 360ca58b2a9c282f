// What is remembered of entries that an endpoint did not take is bounded by what the queue keeps.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ConfigAppStore } from '../../src/adapters/apps/config-store.ts';
import { MemoryWebhookQueue } from '../../src/adapters/memory/webhook-queue.ts';
import { type Entry, QUEUED_EVENTS } from '../../src/core/webhook-queue.ts';
import { AppDeliveries } from '../../src/webhooks/app-deliveries.ts';
import { defaultTimes } from '../../src/webhooks/options.ts';
import { Outcomes } from '../../src/webhooks/outcomes.ts';
import { makeApp } from '../core/support/harness.ts';

test('the oldest are forgotten, as the queue has dropped them', async () => {
  const held = 10;
  const webhooks = [{ url: 'http://a.example/', batchMs: 3_600_000 }];
  const deliveries = new AppDeliveries('app', new ConfigAppStore([makeApp({ webhooks })]), {
    options: { ...defaultTimes, refusePrivateAddresses: false, concurrency: 1, heldPerEndpoint: held },
    outcomes: new Outcomes(new MemoryWebhookQueue(), 1000),
    send: async () => ({ status: 200 }),
    areTrue: async () => [],
    counts: { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 },
    log: pino({ level: 'silent' }),
  });
  await deliveries.refresh();
  const event = { name: 'client_event', channel: 'private-a', data: '' } as const;
  const entries: Entry[] = Array.from({ length: QUEUED_EVENTS + 3 * held }, (_, n) => ({
    ...{ appId: 'app', entryId: String(n), id: String(n), event, atMs: 0 },
  }));
  deliveries.offer(entries);
  expect(deliveries.behind()).toEqual([]);
  await deliveries.drain();
  const [behind] = deliveries.behind();
  expect(behind?.after).toBe(String(held - 1));
  // Of those that were left out the first ten are forgotten, the next are not.
  deliveries.catchUp(behind!.reader, entries.slice(held, 2 * held), false);
  expect(behind?.reader.endpoint.held).toBe(0);
  deliveries.catchUp(behind!.reader, entries.slice(2 * held, 3 * held), false);
  expect(behind?.reader.endpoint.held).toBe(held);
  deliveries.stop();
});
