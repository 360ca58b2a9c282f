// Publishing with a token in place of a signature.
import { z } from 'zod';
import type { Core } from '../../core/core.ts';
import { eventBody, parseEvent } from '../../protocol/api.ts';
import { publishOnce } from '../idempotency.ts';
import { publishEvent } from '../routes/events.ts';
import { type Endpoint, endpoint } from './endpoint.ts';

export function eventEndpoints(core: Core): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/apps/{appId}/events',
      summary: 'Publish an event: the body of Pusher’s POST /events, where data may be any JSON.',
      body: eventBody,
      answers: z.object({
        channels: z
          .record(
            z.string(),
            z.object({ user_count: z.number().optional(), subscription_count: z.number().optional() }),
          )
          .optional()
          .describe('Where info asked for it.'),
      }),
      refuses: {
        409: 'A request with this Idempotency-Key is under way.',
        413: 'The data is larger than the app allows.',
        422: 'This Idempotency-Key was used for another request.',
        429: 'The app may not publish so much.',
      },
      once: true,
      handle: async ({ app, bytes, headers }) => {
        const event = parseEvent(bytes);
        const publish = { app, headers, content: ['events', bytes] } as const;
        const { text, headers: said } = await publishOnce(core, publish, () => publishEvent(core, app, event));
        return { answer: JSON.parse(text) as object, headers: said };
      },
    }),
  ];
}
