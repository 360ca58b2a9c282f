// What becomes of an app's webhooks: what waits, what was attempted, and what an endpoint never took.
import { z } from 'zod';
import { shownUrl } from '../../core/app-webhooks.ts';
import type { DeadLetter, WebhookQueue } from '../../core/webhook-queue.ts';
import { countIn, type Endpoint, endpoint } from './endpoint.ts';

const at = z.string().describe('ISO 8601.');
const url = z.string().describe('Without its query, which may hold a token: ?… stands for it.');
const delivery = z.object({
  endpoint: url,
  startedAt: at,
  durationMs: z.number(),
  events: z.number(),
  ids: z.array(z.string()).describe('Of the events, the first 20.'),
  status: z.number().nullable().describe('null: there was no answer.'),
  reason: z.string().nullable().describe('null: it was taken.'),
  attempt: z.number(),
});
const letter = z.object({
  letterId: z.string(),
  id: z.string().describe('The event’s, the same in every attempt.'),
  event: z.looseObject({ name: z.string(), channel: z.string() }),
  endpoint: url,
  reason: z.string(),
  attempts: z.number(),
  at: at.describe('When it happened; ISO 8601.'),
  diedAt: at,
});

type Queue = Pick<WebhookQueue, 'sizes' | 'deliveries' | 'deadLetters' | 'revive'>;

export function webhookEndpoints(queue: Queue): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/webhooks',
      summary: 'The webhook endpoints of the app, how many events wait, and how many are dead letters.',
      answers: z.object({
        endpoints: z.array(z.object({ url, events: z.array(z.string()) })),
        waiting: z.number(),
        dead: z.number(),
      }),
      handle: async ({ app }) => {
        const endpoints = app.webhooks.map(({ url, events }) => ({ url: shownUrl(url), events }));
        return { answer: { endpoints, ...(await queue.sizes(app.id)) } };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/webhooks/deliveries',
      summary: 'The last requests to the app’s endpoints, newest first.',
      answers: z.object({ deliveries: z.array(delivery) }),
      handle: async ({ app }) => {
        const deliveries = await queue.deliveries(app.id);
        return {
          answer: {
            deliveries: deliveries.map(({ endpoint, startedAtMs, status = null, reason = null, ...rest }) => ({
              ...rest,
              endpoint: shownUrl(endpoint),
              startedAt: new Date(startedAtMs).toISOString(),
              status,
              reason,
            })),
          },
        };
      },
    }),
    ...deadLetters(queue),
  ];
}

function deadLetters(queue: Queue): Endpoint[] {
  const path = '/apps/{appId}/webhooks/dead-letters';
  return [
    endpoint({
      method: 'GET',
      path,
      summary: 'Events that an endpoint did not take in all the time it had, newest first.',
      query: z.strictObject({
        limit: countIn(1, 1000, 100, 'How many at most.'),
        before: z.string().min(1).optional().describe('The next of the page before.'),
      }),
      answers: z.object({ letters: z.array(letter), next: z.string().nullable() }),
      handle: async ({ app, query: { limit, before } }) => {
        const letters = await queue.deadLetters(app.id, limit, before);
        const next = letters.length < limit ? null : (letters.at(-1)?.letterId ?? null);
        return { answer: { letters: letters.map(shown), next } };
      },
    }),
    endpoint({
      method: 'POST',
      path: `${path}/replay`,
      summary:
        'Have dead letters sent again, oldest first, each to the endpoint that did not take it, with its id. Those of a URL ' +
        'that the app does not have any more stay.',
      body: z.strictObject({
        letterIds: z.array(z.string()).min(1).max(1000).optional().describe('Without it: all of them.'),
      }),
      bodyIsOptional: true,
      answers: z.object({
        replayed: z.number(),
        dead: z
          .number()
          .describe('Letters that stay: not asked for, of a URL that is gone, or without room in the queue.'),
      }),
      handle: async ({ app, body: { letterIds } }) => {
        const urls = app.webhooks.map(({ url }) => url);
        const replayed = await queue.revive(app.id, letterIds, urls);
        return { answer: { replayed, dead: (await queue.sizes(app.id)).dead } };
      },
    }),
  ];
}

function shown({ endpoint, atMs, diedAtMs, ...rest }: DeadLetter): object {
  return {
    ...rest,
    endpoint: shownUrl(endpoint),
    at: new Date(atMs).toISOString(),
    diedAt: new Date(diedAtMs).toISOString(),
  };
}
