// Where an app wants to hear of what happens, and of what: settings of src/webhooks/. The schema is the type, the
// defaults and the checks in one, as in app.ts.
import { z } from 'zod';
import {
  connectionWebhookTypes,
  pusherWebhookTypes,
  type WebhookEvent,
  type WebhookType,
  webhookTypes,
} from '../protocol/webhook.ts';

const within = (least: number, most: number, fallback: number, description: string) =>
  z.int().min(least).max(most).default(fallback).describe(description);

/** Timers of Node take 25 days for one millisecond: all these are far below. */
const HOUR_MS = 3_600_000;
const WEEK_SECONDS = 604_800;

/** Of a name in DNS (RFC 1035 §2.3.4). */
const HOST_CHARACTERS = 253;

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Made here for each request, or of the connection and not of the request (RFC 9110 §7.6.1). */
export const OWN_HEADERS =
  /^(x-pusher-.*|content-type|content-length|content-encoding|transfer-encoding|host|user-agent|connection|keep-alive|proxy-.*|te|trailer|upgrade|expect)$/i;
const HEADER_VALUE = /^[\t -~]*$/;

const webhookSchema = z.strictObject({
  url: z
    .string()
    .refine(
      isHttpUrl,
      'must be an http:// or https:// URL of a host and port, without spaces, user name, password and #',
    )
    .describe('Address of your application that events are POSTed to.'),
  events: z
    .array(z.enum(webhookTypes))
    .min(1)
    .default([...pusherWebhookTypes])
    .describe(`Events that are sent. Unless listed: all but ${connectionWebhookTypes.join(' and ')}.`),
  channelStartsWith: z.string().default('').describe('Only channels whose names start so.'),
  channelEndsWith: z.string().default('').describe('Only channels whose names end so.'),
  headers: z
    .record(
      z
        .string()
        .regex(HEADER_NAME, 'must be the name of a header')
        .refine((name) => !OWN_HEADERS.test(name), 'is a header that the server sets itself'),
      z.string().regex(HEADER_VALUE, 'must be printable ASCII characters'),
    )
    .check(z.superRefine(refuseRepeatedNames))
    .default({})
    .describe('Further headers of each request, such as Authorization. Their values are secrets.'),
  batchMs: within(0, HOUR_MS, 50, 'Events of so many milliseconds go in one request.'),
  batchEvents: within(1, 1000, 100, 'Events in one request at most. 1: each has its own.'),
  timeoutSeconds: within(1, 300, 10, 'Longest time an answer may take; 300 at most.'),
  retrySeconds: within(
    0,
    WEEK_SECONDS,
    300,
    'How long a request is repeated until a 2xx. More than 300: Pusher’s Python library refuses requests so old.',
  ),
  vacatedDelayMs: within(
    0,
    HOUR_MS,
    3000,
    'How long channel_vacated and member_removed wait; what is undone meanwhile is not sent at all.',
  ),
});

/** The `webhooks` of an app. */
export const appWebhooksSchema = z
  .array(webhookSchema)
  .check(z.superRefine(refuseRepeatedUrls, { when: () => true }))
  .default([])
  .describe('Where your application hears of channels, members and client events.');

/** One endpoint of an app, known by its URL. */
export type Webhook = Readonly<z.infer<typeof webhookSchema>>;

const opposites: { readonly [K in WebhookType]?: WebhookType } = {
  channel_occupied: 'channel_vacated',
  channel_vacated: 'channel_occupied',
  member_added: 'member_removed',
  member_removed: 'member_added',
};

/** What an endpoint is sent, and what that may be undone by: it is neither of both then. */
export function followedTypes({ events }: Pick<Webhook, 'events'>): WebhookType[] {
  return events.flatMap((name) => [name, opposites[name] ?? name]);
}

/** Whether an event matters to an endpoint, if only as what undoes another. Events of connections have no channel to compare. */
export function follows(webhook: Webhook, { name, channel }: WebhookEvent): boolean {
  const { channelStartsWith, channelEndsWith } = webhook;
  if (!followedTypes(webhook).includes(name)) return false;
  const hasChannel = !connectionWebhookTypes.some((type) => type === name);
  return !hasChannel || (channel.startsWith(channelStartsWith) && channel.endsWith(channelEndsWith));
}

/** For people: the query may hold a token. */
export function shownUrl(url: string): string {
  return url.replace(/\?.+/s, '?…');
}

/** Case does not tell headers apart (RFC 9110 §5.1), and what becomes of both is up to who receives them. */
function refuseRepeatedNames(headers: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  const first = new Map<string, string>();
  for (const name of Object.keys(headers)) {
    const owner = first.get(name.toLowerCase());
    if (owner === undefined) first.set(name.toLowerCase(), name);
    else
      context.addIssue({ code: 'custom', path: [name], message: `is the header ${owner} again: case does not matter` });
  }
}

/** An endpoint is known by its URL, in dead letters too. */
function refuseRepeatedUrls(webhooks: unknown, context: z.RefinementCtx): void {
  if (!Array.isArray(webhooks)) return;
  const first = new Map<unknown, number>();
  webhooks.forEach((webhook: unknown, index) => {
    const url = typeof webhook === 'object' && webhook !== null ? (webhook as { url?: unknown }).url : undefined;
    if (typeof url !== 'string') return;
    const owner = first.get(url);
    if (owner === undefined) first.set(url, index);
    else
      context.addIssue({ code: 'custom', path: [index, 'url'], message: `is the URL of webhooks[${owner}] already` });
  });
}

function isHttpUrl(url: string): boolean {
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) return false;
  // What URL would take out or trim, so that another one is asked than is written.
  if (/[\s\p{Cc}]/u.test(url)) return false;
  const { username, password, hash, hostname, port } = new URL(url);
  return username + password + hash === '' && port !== '0' && hostname.length <= HOST_CHARACTERS;
}
