// Clients that cannot run here, as transcripts: what each sends, byte for byte as its serialiser writes it, and what it
// must get to work (client-quirks.md §5–§9). Java's and Pysher's frames were recorded from the real clients.
import { describe, expect, it } from 'vitest';
import { sign } from '../../src/protocol/signature.ts';
import { trigger } from '../support/api.ts';
import { Client, connect, type Frame } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

const presence = (...ids: string[]) =>
  JSON.stringify({ presence: { count: ids.length, ids, hash: Object.fromEntries(ids.map((id) => [id, null])) } });
const succeeded = (channel: string, data = '{}'): Frame => ({
  event: 'pusher_internal:subscription_succeeded',
  channel,
  data,
});
const pong: Frame = { event: 'pusher:pong', data: '{}' };

interface Dialect {
  readonly name: string;
  readonly query: string;
  readonly ping: string;
  /** `auth` is '' on public channels. */
  subscribe(channel: string, auth: string, channelData?: string): string;
  clientEvent(channel: string): string;
  /** The `data` that the client event arrives with. */
  readonly relayed: string;
  unsubscribe(channel: string): string;
}

const quoted = (text: string) => JSON.stringify(text);

const dialects: readonly Dialect[] = [
  {
    name: 'Java',
    query: 'client=java-client&protocol=5&version=2.4.4',
    ping: '{"event":"pusher:ping"}',
    subscribe: (channel, auth, data) => {
      const channelData = data === undefined ? '' : `"channel_data":${quoted(data)},`;
      const token = auth === '' ? '' : `"auth":"${auth}",`;
      return `{"event":"pusher:subscribe","data":{${channelData}${token}"channel":"${channel}"}}`;
    },
    clientEvent: (channel) => `{"event":"client-e","channel":"${channel}","data":"{\\"a\\": 1}"}`,
    relayed: '{"a": 1}',
    unsubscribe: (channel) => `{"event":"pusher:unsubscribe","data":{"channel":"${channel}"}}`,
  },
  {
    name: 'Swift',
    query: 'client=pusher-websocket-swift&version=10.1.5&protocol=7',
    ping: '{"event":"pusher:ping","data":""}',
    subscribe: (channel, auth, data) => {
      const fields = [`"channel":"${channel}"`];
      if (auth !== '') fields.push(`"auth":"${auth}"`);
      if (data !== undefined) fields.push(`"channel_data":${quoted(data)}`);
      return `{"data":{${fields}},"event":"pusher:subscribe"}`;
    },
    clientEvent: (channel) => `{"data":{"a":1},"event":"client-e","channel":"${channel}"}`,
    relayed: '{"a":1}',
    unsubscribe: (channel) => `{"data":{"channel":"${channel}"},"event":"pusher:unsubscribe"}`,
  },
  {
    name: '.NET',
    query: 'protocol=5&client=pusher-dotnet-client&version=2.2.1',
    ping: '{"event":"pusher:ping"}',
    subscribe: (channel, auth, data) =>
      `{"event":"pusher:subscribe","data":{"channel":"${channel}","auth":${auth === '' ? 'null' : `"${auth}"`},` +
      `"channel_data":${data === undefined ? 'null' : quoted(data)}}}`,
    clientEvent: (channel) => `{"event":"client-e","data":{"a":1.50},"channel":"${channel}"}`,
    relayed: '{"a":1.5}',
    unsubscribe: (channel) => `{"event":"pusher:unsubscribe","data":{"channel":"${channel}"}}`,
  },
  {
    name: 'dart_pusher_channels',
    query: 'client=dart&version=1.2.3&protocol=7',
    ping: '{"event":"pusher:ping","data":{}}',
    subscribe: (channel, auth, data) => {
      const fields = [`"channel":"${channel}"`];
      if (auth !== '') fields.push(`"auth":"${auth}"`);
      if (data !== undefined) fields.push(`"channel_data":${quoted(data)}`);
      return `{"event":"pusher:subscribe","data":{${fields}}}`;
    },
    clientEvent: (channel) => `{"event":"client-e","channel":"${channel}","data":{"a":{"b":[1,null]}}}`,
    relayed: '{"a":{"b":[1,null]}}',
    unsubscribe: (channel) => `{"event":"pusher:unsubscribe","data":{"channel":"${channel}"}}`,
  },
  {
    name: 'Pysher',
    query: 'client=Pysher&version=1.0.7&protocol=6',
    ping: '{"event": "pusher:ping", "data": ""}',
    subscribe: (channel, auth, data) => {
      const fields = [`"channel": "${channel}"`];
      if (auth !== '') fields.push(`"auth": "${auth}"`);
      if (data !== undefined) fields.push(`"channel_data": ${quoted(data)}`);
      return `{"event": "pusher:subscribe", "data": {${fields.join(', ')}}}`;
    },
    clientEvent: (channel) => `{"event": "client-e", "data": {"a": 1}, "channel": "${channel}"}`,
    relayed: '{"a":1}',
    unsubscribe: (channel) => `{"event": "pusher:unsubscribe", "data": {"channel": "${channel}"}}`,
  },
];

/** The token a backend hands out for a join. */
function tokenFor({ app }: TestServer, socketId: string, channel: string, data?: string): string {
  return sign(app, [socketId, channel, ...(data === undefined ? [] : [data])].join(':'));
}

describe.each(dialects)('as $name speaks', (dialect) => {
  const { query, ping } = dialect;

  it('connects, pings, and joins public, private and presence channels', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query });
    client.send(ping);
    expect(await client.next()).toEqual(pong);
    client.send(dialect.subscribe('news', ''));
    expect(await client.next()).toEqual(succeeded('news'));
    client.send(dialect.subscribe('private-x', tokenFor(server, client.socketId, 'private-x')));
    expect(await client.next()).toEqual(succeeded('private-x'));
    const data = '{"user_id":"ada"}';
    client.send(dialect.subscribe('presence-x', tokenFor(server, client.socketId, 'presence-x', data), data));
    expect(await client.next()).toEqual(succeeded('presence-x', presence('ada')));
  });

  it('sends client events, and hears members come and go, all with string data', async () => {
    await using server = await startServer({ clientEvents: true });
    await using client = await connect(server, { query });
    await using other = await connect(server);
    await client.joined('presence-x', { user_id: 'ada' });
    await other.joined('presence-x', { user_id: 'bob' });
    expect(await client.next()).toMatchObject({
      event: 'pusher_internal:member_added',
      data: '{"user_id":"bob","user_info":null}',
    });
    client.send(dialect.clientEvent('presence-x'));
    expect(await other.next()).toEqual({
      event: 'client-e',
      channel: 'presence-x',
      data: dialect.relayed,
      user_id: 'ada',
    });
    await other.leave();
    expect(await client.next()).toMatchObject({ event: 'pusher_internal:member_removed', data: '{"user_id":"bob"}' });
  });

  it('unsubscribes, also from what it never joined', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query });
    client.send(dialect.unsubscribe('news'));
    await client.joined('news');
    client.send(dialect.unsubscribe('news'));
    await client.expectNothing();
    await trigger(server, { name: 'e', channel: 'news', data: '' });
    await client.expectNothing();
  });

  it('reads the reason of a refusal from the error frame', async () => {
    await using server = await startServer({ enabled: false });
    await using client = new Client(server, { query });
    expect(await client.next()).toEqual({
      event: 'pusher:error',
      data: { code: 4003, message: 'The app is not enabled.' },
    });
    expect((await client.closed).code).toBe(4003);
  });
});

describe('Java', () => {
  it('subscribes twice to a channel that was bound while connecting, and is acknowledged twice', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query: dialects[0]!.query });
    const data = '{"user_id":"7"}';
    const text = dialects[0]!.subscribe('presence-x', tokenFor(server, client.socketId, 'presence-x', data), data);
    client.send(text);
    client.send(text);
    expect(await client.next()).toEqual(succeeded('presence-x', presence('7')));
    expect(await client.next()).toEqual(succeeded('presence-x', presence('7')));
    await trigger(server, { name: 'e', channel: 'presence-x', data: '' });
    expect((await client.next()).event).toBe('e');
    await client.expectNothing();
  });

  it('may send data as a string of JSON in its own frames too', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query: dialects[0]!.query });
    client.send('{"event":"pusher:subscribe","data":"{\\"channel\\":\\"news\\"}"}');
    expect(await client.next()).toEqual(succeeded('news'));
  });
});

describe('.NET', () => {
  it('finds every id of a presence channel in its hash', async () => {
    await using server = await startServer();
    await using first = await connect(server);
    await first.joined('presence-x', { user_id: 'ada' });
    await using client = await connect(server, { query: dialects[2]!.query });
    const { data } = await client.joined('presence-x', { user_id: 7 });
    // The hash's keys in the order of the ids, which no object of JavaScript would keep.
    expect(data).toBe('{"presence":{"count":2,"ids":["ada","7"],"hash":{"ada":null,"7":null}}}');
  });
});

describe('dart_pusher_channels', () => {
  it('subscribes again to what it has, and reads the keys of the hash', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query: dialects[3]!.query });
    await client.joined('presence-x', { user_id: 'ada' });
    expect(await client.joined('presence-x', { user_id: 'ada' })).toEqual(succeeded('presence-x', presence('ada')));
    await client.expectNothing();
  });
});

describe('Pysher', () => {
  it('pings on open, before it has read anything', async () => {
    await using server = await startServer();
    await using client = new Client(server, { query: dialects[4]!.query });
    client.socket.on('open', () => client.send(dialects[4]!.ping));
    expect((await client.next()).event).toBe('pusher:connection_established');
    expect(await client.next()).toEqual(pong);
  });

  it('signs channel_data with Python’s spacing', async () => {
    await using server = await startServer();
    await using client = await connect(server, { query: dialects[4]!.query });
    const data = '{"user_id": "py", "user_info": {"name": "Py"}}';
    expect(await client.joined('presence-x', data)).toEqual(
      succeeded('presence-x', '{"presence":{"count":1,"ids":["py"],"hash":{"py":{"name":"Py"}}}}'),
    );
  });

  it('subscribes with stale auth and without channel_data after a reconnection: an error, and the socket stays', async () => {
    await using server = await startServer();
    const former = await connect(server, { query: dialects[4]!.query });
    const auth = tokenFor(server, former.socketId, 'presence-x', '{"user_id":"py"}');
    await former.leave();
    await using client = await connect(server, { query: dialects[4]!.query });
    client.send(dialects[4]!.subscribe('presence-x', auth));
    expect(await client.next()).toEqual({
      event: 'pusher:error',
      data: { code: 4009, message: 'Connection is unauthorized' },
    });
    expect((await client.next()).event).toBe('pusher:subscription_error');
    await client.joined('presence-x', '{"user_id":"py"}');
    await client.expectNothing();
  });
});
