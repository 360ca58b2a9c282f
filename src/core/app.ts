// An app: one tenant of the server, with its key pairs, features and limits. The schema is the type, the defaults and
// the checks in one; configuration files and app stores both parse with it.
import { z } from 'zod';
import { appAuthSchema } from './app-auth.ts';
import { appWebhooksSchema } from './app-webhooks.ts';

const count = (text: string, fallback: number, least = 1) => z.int().min(least).default(fallback).describe(text);

/** Limits of one app. Where 0 is allowed it means "no limit". Defaults: protocol/limits.md §1. */
const appLimitsSchema = z
  .strictObject({
    connections: count('Open sockets of this app; above it a new socket is refused with 4004. 0: no limit.', 0, 0),
    payloadBytes: count('Bytes of `data` (UTF-8) in one event, published or client event.', 10_240),
    channelsPerEvent: count('Channels one event may be published to.', 100),
    batchEvents: count('Events in one batch_events request.', 10),
    presenceMembers: count('Distinct users on one presence channel.', 100),
    memberInfoBytes: count('Bytes of one member’s `user_info` (UTF-8 JSON).', 2048),
    clientEventsPerSecond: count('Client events one socket may send in any second. 0: no limit.', 10, 0),
    eventsPerSecond: count('Events the HTTP API takes for this app in any second; above it 429. 0: no limit.', 0, 0),
    channelsPerConnection: count('Channels one socket may be subscribed to. 0: no limit.', 0, 0),
    channelNameLength: count('Characters of a channel name, prefix included.', 200),
    eventNameLength: count('Characters of an event name.', 200),
  })
  .prefault({})
  .describe('Limits of this app.');

const flag = (text: string) => z.boolean().default(false).describe(text);
const credential = (text: string) =>
  z
    .string()
    .regex(/^[!-~]+$/, 'must be one or more printable ASCII characters without spaces')
    .describe(text);

/** Of ids and keys, which are parts of paths. */
const NAME_CHARACTERS = 200;

const name = (text: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/, 'may hold letters, digits, "_", "." and "-" only')
    // HTTP clients take such a part out of a path (RFC 3986 §5.2.4).
    .refine((name) => name !== '.' && name !== '..', 'must not be "." or ".."')
    .max(NAME_CHARACTERS)
    .describe(text);

/** A pair beside the current one: what it signs is taken, and nothing of ours is signed with it. */
const keyPairSchema = z.strictObject({
  key: name('The key of the pair.'),
  secret: credential('The secret of the pair.'),
  notAfter: z.iso
    .datetime({ offset: true, error: 'must be a date and time such as 2030-12-31T00:00:00Z' })
    .optional()
    .describe('The pair is good until this moment: date, time and offset of ISO 8601.'),
});

/** One app as configured or stored. Unknown keys are refused. */
export const appSchema = z.strictObject({
  id: name('The app id, the {app_id} of the HTTP API’s paths.'),
  key: name('The app key: public, in every client.'),
  secret: credential('The app secret: signs API requests and channel joins. Never leaves your backend.'),
  keys: z
    .array(keyPairSchema)
    .default([])
    .describe('Further pairs that are taken as well, newest first: while backends move to a new key and secret.'),
  name: z.string().min(1).optional().describe('A name for people; shown in logs and statistics.'),
  enabled: z.boolean().default(true).describe('false: sockets are refused with 4003, API requests with 403.'),
  clientEvents: flag('Whether clients may send client-* events to each other (whispers).'),
  clientEventsOnPublicChannels: flag('Also take client events on public channels, as Laravel Reverb does.'),
  subscriptionCount: flag('Send pusher_internal:subscription_count to the subscribers of non-presence channels.'),
  watchlists: flag('Tell signed-in users when the users of their watchlist come online and go.'),
  signInRequired: flag('Close sockets (4009) that neither signed in nor joined a guarded channel in 30 seconds.'),
  strict: flag('Answer as hosted Pusher does where Fanfare is lenient: 400 for counts that do not apply, and 4008.'),
  anyChannelName: flag('Take any printable character in channel names, as Laravel Reverb does.'),
  allowedOrigins: z
    .array(z.string().min(1))
    .default(['*'])
    .describe('Hosts whose pages may connect: "*", "example.com", "*.example.com", "https://example.com:8443".'),
  auth: appAuthSchema,
  encryptionMasterKey: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be 32 bytes in base64 (openssl rand -base64 32)')
    .optional()
    .describe('32 bytes in base64 that encrypted channels derive their secrets from, as in your Pusher SDK.'),
  cacheTtlSeconds: count('How long a cache channel keeps its last event.', 1800),
  webhooks: appWebhooksSchema,
  limits: appLimitsSchema,
});

export type App = Readonly<z.infer<typeof appSchema>>;
