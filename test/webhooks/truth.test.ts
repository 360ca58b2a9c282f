// Whether a removal is true is what the cluster says, asked once for each kind.
import { expect, test, vi } from 'vitest';
import type { WebhookEvent } from '../../src/protocol/webhook.ts';
import { areTrue } from '../../src/webhooks/truth.ts';
import { createHarness } from '../core/support/harness.ts';

const vacated = (channel: string): WebhookEvent => ({ name: 'channel_vacated', channel });
const removed = (channel: string, user_id: string): WebhookEvent => ({ name: 'member_removed', channel, user_id });

test('channels with subscribers are not vacated, members who are there have not left', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('here');
  await client.subscribe('presence-a', { user_id: '1' });
  const { tracker } = harness.adapters;
  const asked = [vi.spyOn(tracker, 'counts'), vi.spyOn(tracker, 'members')];
  const events = [vacated('here'), vacated('gone'), removed('presence-a', '1'), removed('presence-a', '2')];
  expect(await areTrue(tracker, 'app', [...events, vacated('presence-a'), removed('presence-b', '1')])).toEqual([
    ...[false, true, false, true],
    ...[false, true],
  ]);
  expect(asked.map(({ mock }) => mock.calls.length)).toEqual([1, 2]);
  expect(await areTrue(tracker, 'app', [removed('presence-a', '2')])).toEqual([true]);
  expect(asked.map(({ mock }) => mock.calls.length)).toEqual([1, 3]);
});
