// What webhooks do before core has started and after it has left, and of apps that are gone. Over the memory queue.
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import { MemoryWebhookQueue } from '../../src/adapters/memory/webhook-queue.ts';
import { Webhooks } from '../../src/webhooks/webhooks.ts';
import { createHarness } from '../core/support/harness.ts';
import { startReceiver } from './support/receiver.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const vacated = { type: 'channel_vacated', appId: 'app', channel: 'a' } as const;
const letter = {
  ...{ id: 'a', event: { name: 'cache_miss', channel: 'a' } as const, atMs: 1, endpoint: 'http://a.example/' },
  ...{ reason: 'answered 500', attempts: 1, diedAtMs: 1 },
};

async function rig(url = 'http://127.0.0.1:9/') {
  const queue = new MemoryWebhookQueue();
  const harness = await createHarness({ webhooks: [{ url, vacatedDelayMs: 0 }] });
  const { core, adapters } = harness;
  const { facts, apps } = core;
  const lines: unknown[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const deps = { facts, apps, queue, tracker: adapters.tracker, durable: false, version: '1', log };
  const webhooks = new Webhooks(deps, { refusePrivateAddresses: false, concurrency: 1 });
  const end = async () => {
    await webhooks.stop(0);
    await core.stop();
  };
  return { harness, facts, apps, queue, webhooks, lines, [Symbol.asyncDispose]: end };
}

test('what is announced before they start is queued, and sent when they have', async () => {
  await using receiver = await startReceiver();
  await using running = await rig(receiver.url);
  const { webhooks, facts, queue } = running;
  const claim = vi.spyOn(queue, 'claim');
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] });
  webhooks.listen();
  facts.announce(vacated);
  while ((await queue.sizes('app')).waiting === 0) await turn();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(claim).not.toHaveBeenCalled();
  vi.useRealTimers();
  await webhooks.start();
  expect(await receiver.events(1)).toMatchObject([{ name: 'channel_vacated', channel: 'a' }]);
});

test('what is announced after they have drained is queued, and counted as lost where the queue ends too', async () => {
  await using receiver = await startReceiver();
  await using running = await rig(receiver.url);
  const { webhooks, facts, queue, lines } = running;
  await webhooks.start();
  facts.announce(vacated);
  await receiver.events(1);
  await webhooks.drain(10_000);
  facts.announce(vacated);
  await webhooks.stop(10_000);
  expect(await queue.sizes('app')).toMatchObject({ waiting: 1 });
  expect(lines).toContainEqual(expect.objectContaining({ events: 1, level: 40 }));
  // Nobody listens any more.
  facts.announce(vacated);
  await turn();
  expect(await queue.sizes('app')).toMatchObject({ waiting: 1 });
});

test('core has announced all there is when it has left', async () => {
  const adapters = memoryAdapters();
  let depart: Parameters<typeof adapters.tracker.start>[0] = () => {};
  vi.spyOn(adapters.tracker, 'start').mockImplementation(async (onDeparture) => {
    depart = onDeparture;
  });
  vi.spyOn(adapters.tracker, 'stop').mockImplementation(async () => {
    const left = { vacated: true, subscriptionCount: 0, memberRemoved: true };
    depart({ appId: 'app', channel: 'presence-a', userId: '7', left });
  });
  await using harness = await createHarness({}, {}, adapters);
  const { apps } = harness.core;
  vi.spyOn(apps, 'findById').mockImplementation(async () => {
    await turn();
    return harness.app;
  });
  await harness.core.leave();
  expect(harness.takeFacts()).toEqual(['member_removed presence-a 7', 'channel_vacated presence-a']);
});

test('of an app that is gone no letters are kept; of one that changed, or is refused for a moment, they are', async () => {
  await using running = await rig();
  const { webhooks, apps, queue, harness } = running;
  const forget = vi.spyOn(queue, 'forget');
  await queue.bury('app', [letter]);
  webhooks.appsChanged(new Map([['app', harness.app]]));
  const find = vi.spyOn(apps, 'findById').mockResolvedValue(undefined);
  const refused = vi.spyOn(apps, 'refused').mockReturnValue([{ id: 'app', reason: 'no app' }]);
  webhooks.appsChanged(new Map([['app', undefined]]));
  await turn();
  expect([forget.mock.calls, await queue.sizes('app')]).toEqual([[], { waiting: 0, dead: 1 }]);
  refused.mockRestore();
  // Nor where there are none at all: they were not removed one by one.
  const list = vi.spyOn(apps, 'list').mockResolvedValue([]);
  webhooks.appsChanged(new Map([['app', undefined]]));
  await turn();
  expect(forget.mock.calls).toEqual([]);
  list.mockRestore();
  webhooks.appsChanged(new Map([['app', undefined]]));
  await turn();
  expect(await queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
  find.mockRestore();
});
