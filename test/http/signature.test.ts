// How requests are verified, and that a refusal says which part differs and never what would be right (auth.md §4.3).
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiRequest, api } from '../support/api.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';
import { exchange } from './support/raw-http.ts';

const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({}, { apps: [other] });
});
afterAll(() => server.stop());

const CHANNELS = '/apps/app-id/channels';
const EVENTS = '/apps/app-id/events';
const EMPTY_MD5 = 'd41d8cd98f00b204e9800998ecf8427e';
const now = () => Math.floor(Date.now() / 1000);

/** A GET whose signed text and sent query are what the test says; only timestamp, key and version are added. */
async function getSigned(
  signedText: (common: string) => string,
  sentQuery: (common: string) => string,
  path = CHANNELS,
) {
  const common = `auth_key=${credentials.key}&auth_timestamp=${now()}&auth_version=1.0`;
  const text = `GET\n${path}\n${signedText(common)}`;
  const signature = createHmac('sha256', credentials.secret).update(text).digest('hex');
  return await exchange(server, 'GET', `${path}?${sentQuery(common)}&auth_signature=${signature}`);
}

describe('REC auth §4.3: what is accepted', () => {
  test.each<[what: string, request: ApiRequest]>([
    ['the digest of no bytes on a request without a body, as Python sends it', { query: { body_md5: EMPTY_MD5 } }],
    ['that digest in upper case', { query: { body_md5: EMPTY_MD5.toUpperCase() } }],
    ['a clock 590 seconds behind', { query: { auth_timestamp: String(now() - 590) } }],
    ['a clock 590 seconds ahead', { query: { auth_timestamp: String(now() + 590) } }],
    ['further parameters', { query: { filter_by_prefix: 'presence-', info: 'user_count', zzz: '1' } }],
  ])('%s', async (_what, request) => {
    expectJson(await api(server, 'GET', CHANNELS, request), '{"channels":{}}');
  });

  test.each<[what: string, signed: (common: string) => string, sent: (common: string) => string]>([
    ['keys sorted whatever their order', (c) => `${c}&b=1&c=2`, (c) => `c=2&${c}&b=1`],
    ['keys signed in lower case', (c) => `${c}&info=user_count`, (c) => `INFO=user_count&${c}`],
    ['values signed decoded', (c) => `${c}&info=user_count,x`, (c) => `${c}&info=user_count%2Cx`],
    ['values signed as they are sent', (c) => `${c}&info=user_count%2Cx`, (c) => `${c}&info=user_count%2Cx`],
    ['+ for a space', (c) => `${c}&info=a b`, (c) => `${c}&info=a+b`],
    ['+ signed as it is sent', (c) => `${c}&info=a+b`, (c) => `${c}&info=a+b`],
    ['unicode values', (c) => `${c}&info=ü🎉`, (c) => `${c}&info=%C3%BC%F0%9F%8E%89`],
    ['the first of duplicate keys', (c) => `${c}&info=one`, (c) => `info=one&${c}&info=two`],
    ['an empty value', (c) => `${c}&info=`, (c) => `${c}&info=`],
    ['a key without a value', (c) => `${c}&info=`, (c) => `${c}&info`],
    ['& and = inside a value', (c) => `${c}&info=a&b=c`, (c) => `${c}&info=a%26b%3Dc`],
    ['broken percent-encoding taken literally', (c) => `${c}&info=100%`, (c) => `${c}&info=100%`],
    ['arrays as Ruby signs them', (c) => `${c}&k[]=a&k[]=b`, (c) => `${c}&k[]=a&k[]=b`],
    ['arrays as Ruby signs them, encoded', (c) => `${c}&k[]=a&k[]=b`, (c) => `${c}&k%5B%5D=a&k%5B%5D=b`],
    ['arrays as PHP signs them', (c) => `${c}&k=a,b`, (c) => `${c}&k%5B0%5D=a&k%5B1%5D=b`],
    ['arrays of one as PHP signs them', (c) => `${c}&k=a`, (c) => `${c}&k[]=a`],
    ['__proto__ as a key', (c) => `__proto__=1&${c}`, (c) => `__proto__=1&${c}`],
    ['nothing between two &', (c) => c, (c) => `&&${c}&`],
  ])('%s', async (_what, signedText, sentQuery) => {
    expect(await getSigned(signedText, sentQuery)).toMatchObject({ status: 200, text: '{"channels":{}}' });
  });

  test('an array counts as the values it holds', async () => {
    const answer = await getSigned(
      (common) => `${common}&info[]=subscription_count&info[]=user_count`,
      (common) => `${common}&info[]=subscription_count&info[]=user_count`,
      `${CHANNELS}/presence-a`,
    );
    expect(answer.text).toBe('{"occupied":false,"user_count":0,"subscription_count":0}');
  });

  test('body_md5 in upper case', async () => {
    const body = '{"name":"e","channel":"a","data":"x"}';
    const digest = createHash('md5').update(body).digest('hex').toUpperCase();
    expectJson(await api(server, 'POST', EVENTS, { body, query: { body_md5: digest } }), '{}');
  });
});

describe('REC auth §4.3: a refusal says which part differs', () => {
  const iso = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;

  test.each<[what: string, request: ApiRequest, text: string | RegExp]>([
    [
      'another app’s key',
      { query: { auth_key: 'other-key' }, secret: 'other-secret' },
      /^Unknown auth_key: other-key /,
    ],
    ['a key of nobody', { query: { auth_key: 'x y' } }, /^Unknown auth_key: x y /],
    [
      'version 2.0',
      { query: { auth_version: '2.0' } },
      /^Version not supported: auth_version is 2\.0, 1\.0 is expected$/,
    ],
    ['version 1', { query: { auth_version: '1' } }, /^Version not supported/],
    ['no seconds', { query: { auth_timestamp: 'yesterday' } }, /^Timestamp required: auth_timestamp must be/],
    ['milliseconds', { query: { auth_timestamp: String(Date.now()) } }, /^Timestamp (required|expired): /],
    ['a negative time', { query: { auth_timestamp: '-5' } }, /^Timestamp required: /],
    ['an empty time', { query: { auth_timestamp: '' } }, /^Timestamp required: /],
    [
      'a clock an hour behind',
      { query: { auth_timestamp: String(now() - 3600) } },
      new RegExp(
        `^Timestamp expired: Given timestamp \\(${iso}\\) not within 600s of server time \\(${iso}\\): ` +
          `the sender's clock is 36\\d\\d seconds behind$`,
      ),
    ],
    ['a clock an hour ahead', { query: { auth_timestamp: String(now() + 3600) } }, /clock is 3[56]\d\d seconds ahead$/],
    [
      'a clock exactly 600 seconds behind or more',
      { query: { auth_timestamp: String(now() - 600) } },
      /60\d seconds behind/,
    ],
    [
      'a digest of other bytes',
      { query: { body_md5: EMPTY_MD5 }, body: '{}' },
      /^Invalid body_md5: the 2 bytes received/,
    ],
    [
      'a digest without a body',
      { query: { body_md5: '99914b932bd37a50b983c5e7c90ae93b' } },
      /^Invalid body_md5: the 0 bytes/,
    ],
    ['a digest that is none', { query: { body_md5: 'x' }, body: '{}' }, /but you sent x\./],
    ['a wrong secret', { secret: 'wrong' }, /^Invalid signature: .*Path seen: \/apps\/app-id\//],
    ['an empty signature', { query: { auth_signature: '' } }, /^Invalid signature: .*but you sent ""/],
    ['a short signature', { query: { auth_signature: 'abc' } }, /^Invalid signature: .*but you sent "abc"/],
    ['another path', { signedPath: '/ws/apps/app-id/events' }, /Path seen: \/apps\/app-id\/events$/],
  ])('%s', async (_what, request, text) => {
    const body = '{"name":"e","channel":"a","data":"x"}';
    const post = request.query?.body_md5 === undefined || request.body !== undefined;
    const answer = await api(server, post ? 'POST' : 'GET', post ? EVENTS : CHANNELS, {
      ...(post && { body }),
      ...request,
    });
    expectRefusal(answer, 401, text);
    expectNoSecret(answer.text);
  });

  test.each([
    ['auth_key', 'Missing parameter: auth_key'],
    ['auth_version', 'Version required: send auth_version=1.0'],
    ['auth_timestamp', 'Timestamp required: send auth_timestamp in Unix seconds'],
    ['auth_signature', 'Missing parameter: auth_signature'],
    ['body_md5', 'Missing parameter: body_md5 (the request has a body)'],
  ])('no %s', async (name, text) => {
    const query = new URLSearchParams({
      auth_key: credentials.key,
      auth_timestamp: String(now()),
      auth_version: '1.0',
      body_md5: '99914b932bd37a50b983c5e7c90ae93b',
      auth_signature: 'x',
    });
    query.delete(name);
    const answer = await exchange(server, 'POST', `${EVENTS}?${query}`, { body: '{}' });
    expectRefusal(answer, 401, text);
  });

  test('no query at all, as when a proxy dropped it', async () => {
    expectRefusal(await exchange(server, 'POST', EVENTS, { body: '{}' }), 401, 'Missing parameter: auth_key');
    expectRefusal(await exchange(server, 'GET', `${CHANNELS}?`), 401, 'Missing parameter: auth_key');
  });

  test('a body that was changed on its way', async () => {
    const target = '/apps/app-id/events';
    const answer = await api(server, 'POST', target, {
      body: '{"a":1}',
      query: { body_md5: 'ec365a775a4cd0599faeb73354201b6f' },
    });
    expectRefusal(
      answer,
      401,
      /have MD5 [0-9a-f]{32}, but you sent ec365a775a4cd0599faeb73354201b6f\. The body was changed/,
    );
  });

  test('a signature by another method', async () => {
    const common = `auth_key=${credentials.key}&auth_timestamp=${now()}&auth_version=1.0`;
    const signature = createHmac('sha256', credentials.secret).update(`POST\n${CHANNELS}\n${common}`).digest('hex');
    const answer = await exchange(server, 'GET', `${CHANNELS}?${common}&auth_signature=${signature}`);
    expectRefusal(answer, 401, /^Invalid signature: you should have sent HmacSHA256Hex\("GET\\n/);
    expectNoSecret(answer.text);
  });

  test('shows the text it expects to be signed, which signed with the secret is accepted', async () => {
    const refusal = await api(server, 'GET', CHANNELS, { secret: 'wrong', query: { info: 'ü "x"' } });
    const text = expectNoSecret(refusal.text);
    const [, path, query] = text.split('\n');
    const signature = createHmac('sha256', credentials.secret).update(text).digest('hex');
    const parameters = new URLSearchParams(query);
    const answer = await exchange(server, 'GET', `${path}?${parameters}&auth_signature=${signature}`);
    expect(answer.status).toBe(200);
  });
});

/** @returns the text the answer says should be signed, '' when it shows none. */
function expectNoSecret(answer: string): string {
  expect(answer).not.toContain(credentials.secret);
  const [, shown] = /HmacSHA256Hex\(("(?:[^"\\]|\\.)*")/.exec(answer) ?? [];
  if (shown === undefined) return '';
  const text = JSON.parse(shown) as string;
  expect(answer).not.toContain(createHmac('sha256', credentials.secret).update(text).digest('hex'));
  return text;
}
