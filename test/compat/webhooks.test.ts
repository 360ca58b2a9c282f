// The `pusher` Node SDK, unmodified, on the application's side of webhooks: it takes every delivery for ours.
import type Pusher from 'pusher';
import { expect, it } from 'vitest';
import { connect } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { answer, type Received, startReceiver } from '../webhooks/support/receiver.ts';
import { sdk } from './support/backend.ts';

const read = (pusher: Pusher, { headers, body: rawBody }: Received) =>
  pusher.webhook({ headers: headers as Record<string, string>, rawBody });

it('is valid in every attempt, also where text is not ASCII, and has the events and the time', async () => {
  await using receiver = await startReceiver(answer(500));
  await using server = await startServer(
    { clientEvents: true, subscriptionCount: true, webhooks: [{ url: receiver.url, vacatedDelayMs: 0 }] },
    { webhookTimes: { firstPauseMs: 20, lastPauseMs: 50 } },
  );
  const before = Date.now();
  await using client = await connect(server);
  await client.joined('presence-a', { user_id: 'ädä' });
  await client.joined('cache-b');
  client.send({ event: 'client-☃', channel: 'presence-a', data: { text: '“ß”\u2028' } });
  await receiver.until((requests) => requests.length > 3);
  receiver.behave = answer(200);
  await client.leave();
  await receiver.until(() => receiver.all().filter(({ name }) => name === 'channel_vacated').length >= 2);
  const pusher = sdk(server);
  for (const received of receiver.requests) {
    const webhook = read(pusher, received);
    expect([webhook.isContentTypeValid(), webhook.isValid()]).toEqual([true, true]);
    expect(webhook.getEvents()).toEqual(received.events);
    expect(webhook.getTime().getTime()).toBeGreaterThanOrEqual(before);
    expect(webhook.getTime().getTime()).toBeLessThanOrEqual(Date.now());
  }
  expect(new Set(receiver.all().map(({ name }) => name)).size).toBe(7);
});

it('is not valid with another secret, nor with another body', async () => {
  await using receiver = await startReceiver();
  await using server = await startServer({ webhooks: [{ url: receiver.url }] });
  await using client = await connect(server);
  await client.joined('a');
  await receiver.events(1);
  const [received] = receiver.requests as [Received];
  expect(read(sdk(server), received).isValid()).toBe(true);
  expect(read(sdk(server, { secret: 'another' }), received).isValid()).toBe(false);
  expect(read(sdk(server), { ...received, body: `${received.body} ` }).isValid()).toBe(false);
});
