// Publishing with a token in place of a signature.
import { z } from 'zod';
import type { Core } from '../../core/core.ts';
import { eventBody, parseEvent } from '../../protocol/api.ts';
import { requestErrors } from '../../protocol/errors.ts';
import { publishOnce } from '../idempotency.ts';
import { publishEvent } from '../routes/events.ts';
import { type Endpoint, endpoint } from './endpoint.ts';

export function eventEndpoints(core: Core): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/apps/{appId}/events',
      summary:
        'Publish an event: the body of Pusher’s POST /events, where data may be any JSON; a whole number in it beyond ±(2^53 − 1) is 400.',
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
        403: 'The app is not enabled.',
        409: 'A request with this Idempotency-Key is under way, or was and may have been done: for a minute.',
        413: 'The data is larger than the app allows.',
        422: 'This Idempotency-Key was used for another request.',
        429: 'The app may not publish so much.',
      },
      once: true,
      handle: async ({ app, bytes, headers }) => {
        if (!app.enabled) throw requestErrors.disabledApp();
        const event = parseEvent(bytes);
        const publish = { app, headers, content: ['events', bytes] } as const;
        const { text, headers: said } = await publishOnce(core, publish, () => publishEvent(core, app, event));
        return { answer: JSON.parse(text) as object, headers: said };
      },
    }),
  ];
}
