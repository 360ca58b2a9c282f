// The webhooks of apps in a configuration: defaults, and what mistakes say.
import { describe, expect, it } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { configSchema } from '../../src/config/schema.ts';
import { pusherWebhookTypes } from '../../src/protocol/webhook.ts';
import { run } from '../cli/recording-edge.ts';
import { appEnv, loaded, mistakes } from './loading.ts';

const url = 'https://app.example/hook';
const given = (...webhooks: unknown[]) => ({
  files: { 'fanfare.yaml': JSON.stringify({ apps: [{ id: '1', key: 'k', secret: 's', webhooks }] }) },
});
const mistakesOf = (...webhooks: unknown[]) =>
  mistakes(given(...webhooks)).map((mistake) =>
    mistake.replace(/ \(fanfare\.yaml:[\d:]+\)/, '').replace('apps[0].webhooks', ''),
  );

it('has the defaults that are recommended', () => {
  expect(loaded(given({ url })).config.apps[0]?.webhooks).toEqual([
    {
      url,
      events: pusherWebhookTypes,
      channelStartsWith: '',
      channelEndsWith: '',
      headers: {},
      batchMs: 50,
      batchEvents: 100,
      timeoutSeconds: 10,
      retrySeconds: 300,
      vacatedDelayMs: 3000,
    },
  ]);
  expect(loaded({ env: appEnv }).config.apps[0]?.webhooks).toEqual([]);
  expect(configSchema.parse({}).webhooks).toEqual({ refusePrivateAddresses: false, concurrency: 4 });
});

it('comes from variables as well', () => {
  const env = {
    ...appEnv,
    FANFARE_APP_WEBHOOKS: JSON.stringify([{ url }]),
    FANFARE_WEBHOOKS_REFUSE_PRIVATE_ADDRESSES: 'true',
  };
  const { config } = loaded({ env });
  expect([config.apps[0]?.webhooks[0]?.url, config.webhooks.refusePrivateAddresses]).toEqual([url, true]);
});

describe('a mistake', () => {
  it.each([
    'ftp://a.example/',
    'a.example/hook',
    'https://',
    'https://user:hush@a.example/',
    'https://a.example/#hush',
    '/hook',
    'http://a.example:0/',
    'http://a.example/hook\r\n',
    'http://a.ex\nample/hook',
    ' http://a.example/',
    `http://${'a.'.repeat(130)}example/`,
  ])('is the URL %s, which is not shown', (bad) => {
    expect(mistakesOf({ url: bad })).toEqual([
      '[0].url: must be an http:// or https:// URL of a host and port, without spaces, user name, password and #',
    ]);
  });

  it('is a URL that is listed twice, or none', () => {
    expect(mistakesOf({ url }, { url: `${url}/2` }, { url })).toEqual(['[2].url: is the URL of webhooks[0] already']);
    expect(mistakesOf({})).toEqual(['[0].url: is required']);
  });

  it('is an event that nobody knows, or no event at all', () => {
    const [unknown = ''] = mistakesOf({ url, events: ['channel_ocupied'] });
    expect(unknown).toMatch(/^\[0\]\.events\[0\]: expected channel_occupied, .* or connection_closed, got "channel_oc/);
    expect(mistakesOf({ url, events: [] })).toEqual(['[0].events: must not be empty']);
  });

  it.each(['X-Pusher-Key', 'x-pusher-signature', 'Content-Type', 'content-length', 'HOST', 'User-Agent', 'Connection'])(
    'is the header %s',
    (name) => {
      expect(mistakesOf({ url, headers: { [name]: 'hush' } })).toEqual([
        `[0].headers.${name}: is a header that the server sets itself`,
      ]);
    },
  );

  it('is a header that cannot be sent, whose value is not shown', () => {
    expect(mistakesOf({ url, headers: { 'A B': 'hush' } })).toEqual(['[0].headers.A B: must be the name of a header']);
    expect(mistakesOf({ url, headers: { A: 'hush\r\nX-Pusher-Key: b' } })).toEqual([
      '[0].headers.A: must be printable ASCII characters',
    ]);
    expect(mistakesOf({ url, headers: { A: 7 } }).join()).not.toContain('7');
  });

  it('is a header twice, whatever its case', () => {
    expect(mistakesOf({ url, headers: { 'X-Token': 'hush', 'x-token': 'hush', B: '1', C: '1' } })).toEqual([
      '[0].headers.x-token: is the header X-Token again: case does not matter',
    ]);
  });

  it.each([
    ['a text with a secret', 'hush'],
    ['broken JSON', '[{"url":"https://a.example","headers":{"Authorization":"hush"}'],
  ])('shows nothing of %s in the variable', (_, text) => {
    const all = mistakes({ env: { ...appEnv, FANFARE_APP_WEBHOOKS: text } });
    expect(all).toEqual([
      'apps[0].webhooks (FANFARE_APP_WEBHOOKS): expected a list in JSON, such as [{"key":"value"}]',
    ]);
  });

  it.each([
    ['batchMs', -1, 0],
    ['batchEvents', 0, 1],
    ['timeoutSeconds', 0, 1],
    ['retrySeconds', -1, 0],
    ['vacatedDelayMs', -1, 0],
  ])('is %s of %i', (name, value, least) => {
    expect(mistakesOf({ url, [name]: value })).toEqual([`[0].${name}: must be ${least} or more, got ${value}`]);
  });

  it.each([
    ['batchMs', 3_600_000],
    ['batchEvents', 1000],
    ['timeoutSeconds', 300],
    ['retrySeconds', 604_800],
    ['vacatedDelayMs', 3_600_000],
  ])('is %s above %i', (name, most) => {
    expect(mistakesOf({ url, [name]: most + 1 })).toEqual([`[0].${name}: must be ${most} or less, got ${most + 1}`]);
    expect(loaded(given({ url, [name]: most })).config.apps[0]?.webhooks).toMatchObject([{ [name]: most }]);
  });
});

it('is shown by fanfare check, without what headers and queries hold', async () => {
  const webhooks = [
    { url: `${url}?token=hush`, events: ['channel_occupied'], headers: { Authorization: 'Bearer hush' } },
    { url: 'http://b.example/', events: ['cache_miss'], channelStartsWith: 'private-', channelEndsWith: '.1' },
  ];
  const checking = run(check, [], { env: { ...appEnv, FANFARE_APP_WEBHOOKS: JSON.stringify(webhooks) } });
  expect(await checking.code).toBe(0);
  expect(checking.out.join('\n')).not.toContain('hush');
  expect(checking.out.find((line) => line.startsWith('apps[0].webhooks '))).toContain('(2, see below)');
  expect(checking.out.slice(checking.out.indexOf('Webhooks of app 1:'))).toEqual([
    'Webhooks of app 1:',
    '  https://app.example/hook?********',
    '    channel_occupied',
    '    with Authorization: ********',
    '  http://b.example/',
    '    cache_miss',
    '    of channels that start with private- and end with .1',
  ]);
});
