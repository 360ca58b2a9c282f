// A row of soketi's table of apps as an app of ours; pure. Columns as on docs.soketi.app, "App Management, SQL Drivers" and
// "Rate Limiting & Limits": all but id, key and secret may be missing or null, and -1 is no limit.

export type SoketiRow = Readonly<Record<string, unknown>>;

export interface SoketiWebhook {
  readonly url: string;
  /** Names of events as Pusher's webhooks have them. */
  readonly events: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly channelStartsWith?: string;
  readonly channelEndsWith?: string;
}

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
export function appOf(row: SoketiRow): object {
  const flags = FLAGS.map(({ column, flag }) => [flag, flagOf(row[column])]);
  const limits = LIMITS.map(({ column, limit, unit, none }) => [limit, limitOf(row[column], unit, none)]);
  return {
    ...present([...['id', 'key', 'secret'].map((name) => [name, textOf(row[name])]), ...flags]),
    ...(isMissing(row.webhooks) ? {} : { webhooks: endpointsOf(row.webhooks) }),
    limits: present(limits),
  };
}

/** An endpoint of ours is known by its URL: several webhooks of one URL that differ in events only are one. */
function endpointsOf(column: unknown): unknown {
  const endpoints = new Map<string, SoketiWebhook>();
  for (const webhook of webhooksOf(column) ?? []) {
    const { events, ...rest } = webhook;
    const same = JSON.stringify(rest);
    endpoints.set(same, { ...rest, events: [...new Set([...(endpoints.get(same)?.events ?? []), ...events])] });
  }
  return webhooksOf(column) === undefined ? column : [...endpoints.values()];
}

/** @returns undefined when the column holds something else than a list of webhooks; those that call AWS Lambda are left out */
export function webhooksOf(column: unknown): readonly SoketiWebhook[] | undefined {
  if (isMissing(column)) return [];
  const list = typeof column === 'string' ? parse(column) : column;
  if (list === null) return [];
  if (!Array.isArray(list)) return undefined;
  const webhooks = list.map((entry) => (isObject(entry) && Array.isArray(entry.event_types) ? entry : undefined));
  if (webhooks.includes(undefined)) return undefined;
  return webhooks.flatMap((entry) => (typeof entry?.url === 'string' ? [webhookOf(entry.url, entry)] : []));
}

function webhookOf(url: string, { event_types, headers, filter }: SoketiRow): SoketiWebhook {
  const { channel_name_starts_with: start, channel_name_ends_with: end } = isObject(filter) ? filter : {};
  return {
    url,
    events: (event_types as unknown[]).map(String),
    headers: Object.fromEntries(
      Object.entries(isObject(headers) ? headers : {}).map(([name, value]) => [name, String(value)]),
    ),
    ...(isMissing(start) ? {} : { channelStartsWith: String(start) }),
    ...(isMissing(end) ? {} : { channelEndsWith: String(end) }),
  };
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
