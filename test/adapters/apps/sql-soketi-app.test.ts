// Rows of soketi's table as apps of ours, with odd values.
import { expect, it } from 'vitest';
import { appOf, webhooksOf } from '../../../src/adapters/apps/sql/soketi-app.ts';
import { appSchema } from '../../../src/core/app.ts';

const bare = { id: 'a', key: 'k', secret: 's' };
const limitsOf = (row: object) => appSchema.parse(appOf({ ...bare, ...row })).limits;
const defaults = appSchema.parse(bare).limits;

it('leaves what is missing, null or empty to our defaults', () => {
  expect(appOf(bare)).toEqual({ ...bare, limits: {} });
  expect(appOf({ ...bare, enabled: null, max_connections: null, max_event_payload_in_kb: '' })).toEqual(appOf(bare));
  expect(appSchema.parse(appOf(bare))).toEqual(appSchema.parse(bare));
});

it('translates every limit', () => {
  const row = {
    max_connections: 1,
    max_backend_events_per_sec: 2,
    max_client_events_per_sec: 3,
    max_read_req_per_sec: 4,
    max_presence_members_per_channel: 5,
    max_presence_member_size_in_kb: 6,
    max_channel_name_length: 7,
    max_event_channels_at_once: 8,
    max_event_name_length: 9,
    max_event_payload_in_kb: 10,
    max_event_batch_size: 11,
  };
  expect(limitsOf(row)).toEqual({
    ...defaults,
    connections: 1,
    eventsPerSecond: 2,
    clientEventsPerSecond: 3,
    presenceMembers: 5,
    memberInfoBytes: 6144,
    channelNameLength: 7,
    channelsPerEvent: 8,
    eventNameLength: 9,
    payloadBytes: 10_240,
    batchEvents: 11,
  });
});

it('takes -1 as no limit, and as our largest where we always have one', () => {
  const columns = ['max_connections', 'max_backend_events_per_sec', 'max_client_events_per_sec'];
  const largest = { max_event_payload_in_kb: -1, max_channel_name_length: '-1', max_presence_members_per_channel: -1 };
  expect(limitsOf({ ...Object.fromEntries(columns.map((name) => [name, -1])), ...largest })).toMatchObject({
    connections: 0,
    eventsPerSecond: 0,
    clientEventsPerSecond: 0,
    payloadBytes: 1_048_576,
    channelNameLength: 1000,
    presenceMembers: 100_000,
  });
});

it('takes 0 as the least we have, not as no limit', () => {
  expect(limitsOf({ max_connections: 0, max_client_events_per_sec: '0', max_event_payload_in_kb: 0 })).toMatchObject({
    connections: 1,
    clientEventsPerSecond: 1,
    payloadBytes: 1,
  });
});

it('takes numbers that are text or broken', () => {
  expect(limitsOf({ max_connections: '100', max_presence_member_size_in_kb: 0.5 })).toMatchObject({
    connections: 100,
    memberInfoBytes: 512,
  });
  expect(appOf({ id: 7, key: 8n, secret: 9 })).toEqual({ id: '7', key: '8', secret: '9', limits: {} });
});

it.each([
  [1, true],
  ['1', true],
  [true, true],
  ['true', true],
  ['t', true],
  [0, false],
  ['0', false],
  [false, false],
  ['false', false],
  ['f', false],
])('reads the flag %j as %j', (value, flag) => {
  const row = { ...bare, enabled: value, enable_client_messages: value, enable_user_authentication: value };
  expect(appOf(row)).toEqual({ ...bare, enabled: flag, clientEvents: flag, signInRequired: flag, limits: {} });
});

it.each([
  [{ max_connections: 'many' }, ['limits', 'connections']],
  [{ enabled: 'perhaps' }, ['enabled']],
  [{ enable_client_messages: 2 }, ['clientEvents']],
  [{ key: null }, ['key']],
  [{ secret: undefined }, ['secret']],
])('hands on %j, which our schema refuses', (row, path) => {
  const refused = appSchema.safeParse(appOf({ ...bare, ...row }));
  expect(refused.error?.issues.map((issue) => issue.path)).toEqual([path]);
});

const hook = { url: 'https://a.example/hook', event_types: ['channel_occupied', 'member_added'] };
const read = { url: hook.url, events: hook.event_types, headers: {}, channelStartsWith: '', channelEndsWith: '' };

it.each([
  ['a list', [hook], [read]],
  ['text', JSON.stringify([hook]), [read]],
  ['null', null, []],
  ['nothing', undefined, []],
  ['no text', '', []],
  ['the text null', 'null', []],
  ['an empty list', '[]', []],
])('reads webhooks that are %s', (_, column, webhooks) => {
  expect(webhooksOf(column)).toEqual(webhooks);
});

it('makes endpoints of webhooks, one of those that differ in events only', () => {
  const webhooks = [
    hook,
    { ...hook, event_types: ['member_added', 'member_removed'] },
    { ...hook, url: 'https://b.example/' },
  ];
  const remarks: string[] = [];
  expect(appSchema.parse(appOf({ ...bare, webhooks }, (text) => remarks.push(text))).webhooks).toMatchObject([
    { url: hook.url, events: ['channel_occupied', 'member_added', 'member_removed'] },
    { url: 'https://b.example/', events: hook.event_types },
  ]);
  expect(remarks).toEqual([]);
  const refused = appSchema.safeParse(appOf({ ...bare, webhooks: '{' }));
  expect(refused.error?.issues.map((issue) => issue.path)).toEqual([['webhooks']]);
});

it('reads their headers and filters', () => {
  const filter = { channel_name_starts_with: 'private-', channel_name_ends_with: '-7' };
  expect(webhooksOf([{ ...hook, headers: { 'X-A': 'b', 'X-N': 1 }, filter }])).toEqual([
    { ...read, headers: { 'X-A': 'b', 'X-N': '1' }, channelStartsWith: 'private-', channelEndsWith: '-7' },
  ]);
  expect(webhooksOf([{ ...hook, headers: [], filter: { channel_name_starts_with: '' } }])).toEqual([read]);
});

it.each([
  ['those that call AWS Lambda', { lambda_function: 'f' }, '0: calls AWS Lambda, and is left out'],
  ['those that ask for nothing', { url: hook.url, event_types: [] }, '0: asks for no event, and is left out'],
])('leaves out %s, and says so', (_, entry, remark) => {
  const remarks: string[] = [];
  const webhooks = [{ event_types: ['member_added'], ...entry }, hook];
  expect(webhooksOf(webhooks, (text) => remarks.push(text))).toEqual([read]);
  expect(remarks).toEqual([`webhooks: ${remark}`]);
});

it('leaves out unknown events and headers of ours, and says so', () => {
  const remarks: string[] = [];
  const headers = { 'Content-Type': 'application/json', 'x-pusher-key': 'k', Authorization: 'Bearer s3cret' };
  const webhooks = [{ ...hook, event_types: ['cache_missed', 'cache_miss'], headers }];
  const app = appOf({ ...bare, webhooks }, (text) => remarks.push(text));
  expect(appSchema.parse(app).webhooks).toMatchObject([
    { url: hook.url, events: ['cache_miss'], headers: { Authorization: 'Bearer s3cret' } },
  ]);
  expect(remarks).toEqual([
    'webhooks: 0: the event cache_missed is unknown, and is left out',
    'webhooks: 0: the header Content-Type is one that the server sets itself, and is left out',
    'webhooks: 0: the header x-pusher-key is one that the server sets itself, and is left out',
  ]);
});

it.each([
  [['private-a', 'private-b'], ['-x', '-yx'], 'private-', 'x'],
  [['a', 'b'], ['', 'z'], '', ''],
  [['a', 'ab'], ['é🎺', '🎺'], 'a', '🎺'],
])('makes one endpoint of webhooks of one URL, for what any of them asks for: %j, %j', (starts, ends, start, end) => {
  const remarks: string[] = [];
  const webhooks = starts.map((start, index) => ({
    ...hook,
    event_types: [['member_added', 'channel_occupied'][index], 'member_removed'],
    headers: { 'X-Both': index, [`X-${index}`]: 'y' },
    filter: { channel_name_starts_with: start, channel_name_ends_with: ends[index] },
  }));
  const app = appOf({ ...bare, webhooks }, (text) => remarks.push(text));
  expect(appSchema.parse(app).webhooks).toMatchObject([
    {
      url: hook.url,
      events: ['member_added', 'member_removed', 'channel_occupied'],
      headers: { 'X-Both': '0', 'X-0': 'y', 'X-1': 'y' },
      channelStartsWith: start,
      channelEndsWith: end,
    },
  ]);
  expect(remarks).toEqual([
    'webhooks: those of one URL with different filters or headers are one, which gets what any of them asks for',
  ]);
});

it.each([['{'], ['7'], [{}], [[7]], [[{ url: 'https://a.example' }]]])('says so when the column is %j', (column) => {
  expect(webhooksOf(column)).toBeUndefined();
});
