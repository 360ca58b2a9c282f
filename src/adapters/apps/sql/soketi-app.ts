// A row of soketi's table of apps as an app of ours; pure. Columns as on docs.soketi.app, "App Management, SQL Drivers" and
// "Rate Limiting & Limits": all but id, key and secret may be missing or null, and -1 is no limit.
import { isDeepStrictEqual } from 'node:util';
import { OWN_HEADERS } from '../../../core/app-webhooks.ts';
import { webhookTypes } from '../../../protocol/webhook.ts';

export type SoketiRow = Readonly<Record<string, unknown>>;

export interface SoketiWebhook {
  readonly url: string;
  /** Names of events as Pusher's webhooks have them. */
  readonly events: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** '': any. */
  readonly channelStartsWith: string;
  readonly channelEndsWith: string;
}

/** Is told what is served otherwise than it is written, in a phrase without secrets. */
type Remark = (text: string) => void;

/** Limits whose columns are counted as ours; `none`: what stands for "no limit". */
const LIMITS = [
  { column: 'max_connections', limit: 'connections', unit: 1, none: 0 },
  { column: 'max_backend_events_per_sec', limit: 'eventsPerSecond', unit: 1, none: 0 },
  { column: 'max_client_events_per_sec', limit: 'clientEventsPerSecond', unit: 1, none: 0 },
  { column: 'max_presence_members_per_channel', limit: 'presenceMembers', unit: 1, none: 100_000 },
  { column: 'max_presence_member_size_in_kb', limit: 'memberInfoBytes', unit: 1024, none: 1_048_576 },
  { column: 'max_channel_name_length', limit: 'channelNameLength', unit: 1, none: 1000 },
  { column: 'max_event_channels_at_once', limit: 'channelsPerEvent', unit: 1, none: 1000 },
  { column: 'max_event_name_length', limit: 'eventNameLength', unit: 1, none: 1000 },
  { column: 'max_event_payload_in_kb', limit: 'payloadBytes', unit: 1024, none: 1_048_576 },
  { column: 'max_event_batch_size', limit: 'batchEvents', unit: 1, none: 100 },
] as const;

const FLAGS = [
  { column: 'enabled', flag: 'enabled' },
  { column: 'enable_client_messages', flag: 'clientEvents' },
  // soketi closes sockets that did not sign in, too.
  { column: 'enable_user_authentication', flag: 'signInRequired' },
] as const;

/** What is not understood is handed on as it is, so that the schema refuses the app by its name. */
export function appOf(row: SoketiRow, remark: Remark = () => {}): object {
  const flags = FLAGS.map(({ column, flag }) => [flag, flagOf(row[column])]);
  const limits = LIMITS.map(({ column, limit, unit, none }) => [limit, limitOf(row[column], unit, none)]);
  return {
    ...present([...['id', 'key', 'secret'].map((name) => [name, textOf(row[name])]), ...flags]),
    ...(isMissing(row.webhooks) ? {} : { webhooks: endpointsOf(row.webhooks, remark) }),
    limits: present(limits),
  };
}

/** An endpoint of ours is known by its URL: several webhooks of one URL are one. */
function endpointsOf(column: unknown, remark: Remark): unknown {
  const webhooks = webhooksOf(column, remark);
  if (webhooks === undefined) return column;
  const endpoints = new Map<string, SoketiWebhook>();
  for (const webhook of webhooks) {
    const same = endpoints.get(webhook.url) ?? webhook;
    if (!differInEventsOnly(same, webhook)) {
      remark(
        'webhooks: those of one URL with different filters or headers are one, which gets what any of them asks for',
      );
    }
    endpoints.set(webhook.url, union(same, webhook));
  }
  return [...endpoints.values()];
}

function differInEventsOnly(one: SoketiWebhook, other: SoketiWebhook): boolean {
  return isDeepStrictEqual({ ...one, events: [] }, { ...other, events: [] });
}

/** Gets at least what each of them does. */
function union(one: SoketiWebhook, other: SoketiWebhook): SoketiWebhook {
  return {
    url: one.url,
    events: [...new Set([...one.events, ...other.events])],
    headers: { ...other.headers, ...one.headers },
    channelStartsWith: commonStart(one.channelStartsWith, other.channelStartsWith),
    channelEndsWith: reversed(commonStart(reversed(one.channelEndsWith), reversed(other.channelEndsWith))),
  };
}

function commonStart(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}

function reversed(text: string): string {
  return [...text].reverse().join('');
}

/** @returns undefined when the column holds something else than a list of webhooks; those we have no use for are left out */
export function webhooksOf(column: unknown, remark: Remark = () => {}): readonly SoketiWebhook[] | undefined {
  if (isMissing(column)) return [];
  const list = typeof column === 'string' ? parse(column) : column;
  if (list === null) return [];
  if (!Array.isArray(list)) return undefined;
  const webhooks = list.map((entry) => (isObject(entry) && Array.isArray(entry.event_types) ? entry : undefined));
  if (webhooks.includes(undefined)) return undefined;
  return webhooks.flatMap((entry = {}, index) => webhookOf(entry, (text) => remark(`webhooks: ${index}: ${text}`)));
}

/** @returns one or none */
function webhookOf({ url, event_types, headers, filter }: SoketiRow, remark: Remark): SoketiWebhook[] {
  if (typeof url !== 'string') {
    remark('calls AWS Lambda, and is left out');
    return [];
  }
  const { channel_name_starts_with: start, channel_name_ends_with: end } = isObject(filter) ? filter : {};
  const asked = (event_types as unknown[]).map(String);
  const events = asked.filter(isKnown);
  for (const name of asked) if (!isKnown(name)) remark(`the event ${name} is unknown, and is left out`);
  if (events.length === 0) {
    remark('asks for no event, and is left out');
    return [];
  }
  const sent = Object.entries(isObject(headers) ? headers : {}).filter(([name]) => {
    if (OWN_HEADERS.test(name)) remark(`the header ${name} is one that the server sets itself, and is left out`);
    return !OWN_HEADERS.test(name);
  });
  return [
    {
      url,
      events,
      headers: Object.fromEntries(sent.map(([name, value]) => [name, String(value)])),
      channelStartsWith: isMissing(start) ? '' : String(start),
      channelEndsWith: isMissing(end) ? '' : String(end),
    },
  ];
}

function isKnown(name: string): boolean {
  return webhookTypes.some((type) => type === name);
}

/** Ids are numbers in some tables. */
function textOf(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : (value ?? undefined);
}

/** `smallint`, `tinyint`, boolean, or text of either. */
function flagOf(value: unknown): unknown {
  if (isMissing(value)) return undefined;
  if (['1', 'true', 't'].includes(String(value))) return true;
  return ['0', 'false', 'f'].includes(String(value)) ? false : value;
}

function limitOf(value: unknown, unit: number, none: number): unknown {
  if (isMissing(value)) return undefined;
  const number = Number(value);
  if (Number.isNaN(number)) return value;
  if (number < 0) return none;
  // 0 allows nothing there and everything here: the least we have is nearest.
  return Math.max(1, Math.floor(number * unit));
}

function present(entries: readonly (readonly unknown[])[]): object {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || value === '';
}

function isObject(value: unknown): value is SoketiRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
