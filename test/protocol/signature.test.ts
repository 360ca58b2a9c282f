// The test vectors of auth.md §5, tokens of joins and sign-ins, and each check of an API request.
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../src/protocol/errors.ts';
import { Query } from '../../src/protocol/query.ts';
import {
  channelText,
  equalInConstantTime,
  hmacHex,
  isSigned,
  md5Hex,
  readGrant,
  sign,
  signGrant,
  userText,
  verifyRequest,
} from '../../src/protocol/signature.ts';

const KEY = '278d425bdf160c739803';
const SECRET = '7ad3773142a6692b25b8';
const app = { key: KEY, secret: SECRET };
const SOCKET = '1234.1234';
const AT = 1_353_088_179;
const BODY = '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}';
const BODY_MD5 = 'ec365a775a4cd0599faeb73354201b6f';
const EMPTY_MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

describe('auth §5: test vectors', () => {
  test.each([
    [
      'private',
      channelText(SOCKET, 'private-foobar', undefined),
      '1234.1234:private-foobar',
      '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
    ],
    [
      'presence',
      channelText(SOCKET, 'presence-foobar', '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'),
      '1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
      '31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80',
    ],
    [
      'user',
      userText(SOCKET, '{"id":"12345"}'),
      '1234.1234::user::{"id":"12345"}',
      '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba',
    ],
  ])('%s', (_, text, expected, signature) => {
    expect(text).toBe(expected);
    expect(hmacHex(SECRET, text)).toBe(signature);
    expect(sign(app, text)).toBe(`278d425bdf160c739803:${signature}`);
    expect(isSigned(app, `278d425bdf160c739803:${signature}`, text)).toBe(true);
  });

  test('webhook body', () => {
    const body = '{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"test_channel"}]}';
    const signature = '709fdb84c03664445f7698120b0edf0acc1ab1c8c6e93a0368c61841d6b998aa';
    expect(hmacHex(SECRET, body)).toBe(signature);
    expect(hmacHex(SECRET, Buffer.from(body))).toBe(signature);
  });

  test('body_md5', () => {
    expect(md5Hex(Buffer.from(BODY))).toBe(BODY_MD5);
    expect(md5Hex(Buffer.alloc(0))).toBe(EMPTY_MD5);
  });

  test.each([
    [
      'POST',
      'POST',
      '/apps/3/events',
      BODY,
      `body_md5=${BODY_MD5}`,
      'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
    ],
    [
      'GET',
      'GET',
      '/apps/3/channels',
      '',
      'filter_by_prefix=presence-&info=user_count,subscription_count',
      'ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d',
    ],
    [
      'GET, Python style',
      'GET',
      '/apps/3/channels',
      '',
      `body_md5=${EMPTY_MD5}&filter_by_prefix=presence-`,
      '1e3409cc7a7fa17d2cd8130eda1c9abde15465dc7882eee008acae44d1ad0192',
    ],
    [
      'GET with the comma percent-encoded, as PHP does',
      'GET',
      '/apps/3/channels',
      '',
      'filter_by_prefix=presence-&info=user_count%2Csubscription_count',
      'ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d',
    ],
  ])('%s request', (_, method, path, body, query, signature) => {
    const common = `auth_key=${KEY}&auth_timestamp=${AT}&auth_version=1.0`;
    const request = {
      method,
      paths: () => [path],
      query: new Query(`${query}&auth_signature=${signature}&${common}`),
      body: Buffer.from(body),
    };
    expect(() => verifyRequest(app, request, AT * 1000)).not.toThrow();
  });
});

describe('REC auth §2: a token is key:signature, split at the first colon, its key compared', () => {
  const text = '1234.1234:private-foobar';
  const signature = '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4';

  test.each([
    ['empty', ''],
    ['without colon', signature],
    ['without signature', `${KEY}:`],
    ['another app’s key', `other:${signature}`],
    ['no key', `:${signature}`],
    ['the key in capitals', `${KEY.toUpperCase()}x:${signature}`],
    ['a prefix of the key', `${KEY.slice(0, -1)}:${signature}`],
    ['the signature in capitals', `${KEY}:${signature.toUpperCase()}`],
    ['a cut signature', `${KEY}:${signature.slice(0, -1)}`],
    ['a longer signature', `${KEY}:${signature}0`],
    ['another signature', `${KEY}:${signature.replace('5', '6')}`],
    ['a second colon', `${KEY}::${signature}`],
    ['the documentation’s slip', `${KEY}::user::${signature}`],
    ['space around', ` ${KEY}:${signature}`],
    ['characters of many bytes', `${KEY}:${'é'.repeat(32)}`],
  ])('%s is refused', (_, token) => expect(isSigned(app, token, text)).toBe(false));

  test('another text is refused', () => {
    expect(isSigned(app, `${KEY}:${signature}`, `${text} `)).toBe(false);
  });

  test('text is signed as UTF-8', () => {
    const text = '1.2:presence-x:{"user_id":"é"}';
    expect(hmacHex(SECRET, text)).toBe(hmacHex(SECRET, Buffer.from(text, 'utf8')));
  });
});

describe('a token that carries its channel_data', () => {
  const DATA = '{"user_id":"7","exp":1700000000}';
  const embedded = Buffer.from(DATA).toString('base64url');
  const signed = `${SOCKET}:private-x:${DATA}`;
  const token = `${KEY}:${hmacHex(SECRET, signed)}`;

  test('is key:signature:base64url(channel_data), signed as the data forwarded beside it would be', () => {
    expect(signGrant(app, SOCKET, 'private-x', DATA)).toBe(`${token}:${embedded}`);
    expect(readGrant(`${token}:${embedded}`)).toEqual({ token, channelData: DATA });
    expect(isSigned(app, token, channelText(SOCKET, 'private-x', DATA))).toBe(true);
  });

  test.each(['\uFEFF{"exp":1}', '{"user_id":"zwölf 🎺 日本"}', '>>>???', '{}', ' '])('takes any text: %j', (data) => {
    expect(readGrant(signGrant(app, SOCKET, 'private-x', data)).channelData).toBe(data);
  });

  test('takes 16 KB, and no byte more', () => {
    const most = 'x'.repeat(16_384);
    expect(readGrant(signGrant(app, SOCKET, 'private-x', most)).channelData).toBe(most);
    const more = signGrant(app, SOCKET, 'private-x', `${most}x`);
    expect(readGrant(more)).toEqual({ token: more });
  });

  test.each([
    ['an empty token', ''],
    ['a plain token', token],
    ['no data', `${token}:`],
    ['a signature in capitals', `${KEY}:${'A'.repeat(64)}:${embedded}`],
    ['a short signature', `${KEY}:${'a'.repeat(63)}:${embedded}`],
    ['no signature', `${KEY}:${embedded}`],
    ['padding', `${token}:${Buffer.from('a').toString('base64')}`],
    ['base64 of the other alphabet', `${token}:${Buffer.from('>>>???').toString('base64')}`],
    ['space', `${token}:${embedded} `],
    ['a line break', `${token}:${embedded}\n`],
    ['bits beyond the last byte', `${token}:YR`],
    ['a length that no bytes have', `${token}:YWJjZ`],
    ['bytes that are not UTF-8', `${token}:${Buffer.from([0x7b, 0xc3, 0x7d]).toString('base64url')}`],
    ['more behind it', `${token}:${embedded}:${embedded}`],
  ])('%s is left as it came', (_, auth) => {
    expect(readGrant(auth)).toEqual({ token: auth });
  });
});

test.each([
  ['', '', true],
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'aa', false],
  ['é', 'Ã©', false],
])('comparing %j with %j in constant time gives %s', (a, b, equal) => {
  expect(equalInConstantTime(a, b)).toBe(equal);
});

describe('REC auth §4.3: each check of a request has its own 401', () => {
  const SIGNATURE = 'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c';
  const right: Record<string, string> = {
    auth_key: KEY,
    auth_timestamp: `${AT}`,
    auth_version: '1.0',
    body_md5: BODY_MD5,
    auth_signature: SIGNATURE,
  };
  const BODY_TEXT = `Invalid body_md5: the 68 bytes received have MD5 ${BODY_MD5}, but you sent `;
  const CHANGED = '. The body was changed on its way, or the digest was made of other bytes.';

  function answerTo(change: Record<string, string | undefined>, nowMs = AT * 1000, body = BODY): string {
    const query = Object.entries({ ...right, ...change }).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    const request = {
      method: 'POST',
      paths: () => ['/apps/3/events'],
      query: new Query(new URLSearchParams(query).toString()),
      body: Buffer.from(body),
    };
    try {
      verifyRequest(app, request, nowMs);
      return 'accepted';
    } catch (err) {
      expect(err).toBeInstanceOf(RequestError);
      expect(err).toMatchObject({ status: 401 });
      return (err as RequestError).message;
    }
  }

  test.each<[what: string, change: Record<string, string | undefined>, text: string]>([
    ['nothing wrong', {}, 'accepted'],
    ['no key', { auth_key: undefined }, 'Missing parameter: auth_key'],
    ['another key', { auth_key: 'other' }, 'Unknown auth_key: other is not a key of this app'],
    ['no version', { auth_version: undefined }, 'Version required: send auth_version=1.0'],
    ['another version', { auth_version: '2.0' }, 'Version not supported: auth_version is 2.0, 1.0 is expected'],
    ['no timestamp', { auth_timestamp: undefined }, 'Timestamp required: send auth_timestamp in Unix seconds'],
    ...['', 'now', '-1', '1e9', '1353088179.5', '0x50A6', ' 1353088179', '9'.repeat(13)].map(
      (timestamp): [string, Record<string, string>, string] => [
        `timestamp ${JSON.stringify(timestamp)}`,
        { auth_timestamp: timestamp },
        'Timestamp required: auth_timestamp must be Unix seconds, in digits',
      ],
    ),
    ['no signature', { auth_signature: undefined }, 'Missing parameter: auth_signature'],
    ['no body_md5', { body_md5: undefined }, 'Missing parameter: body_md5 (the request has a body)'],
    ['another body_md5', { body_md5: EMPTY_MD5 }, `${BODY_TEXT}${EMPTY_MD5}${CHANGED}`],
    ['an empty body_md5', { body_md5: '' }, `${BODY_TEXT}${CHANGED}`],
    [
      'another parameter',
      { info: 'user_count' },
      'Invalid signature: you should have sent HmacSHA256Hex("POST\\n/apps/3/events\\n' +
        `auth_key=${KEY}&auth_timestamp=${AT}&auth_version=1.0&body_md5=${BODY_MD5}&info=user_count"` +
        `, your_secret_key), but you sent "${SIGNATURE}". Path seen: /apps/3/events`,
    ],
  ])('%s', (_, change, text) => {
    expect(answerTo(change)).toBe(text);
  });

  test('REC auth §4.3: the digest is compared case-insensitively, and signed as it was sent', () => {
    expect(answerTo({ body_md5: BODY_MD5.toUpperCase() })).toMatch(/^Invalid signature: /);
    const text = `auth_key=${KEY}&auth_timestamp=${AT}&auth_version=1.0&body_md5=${BODY_MD5.toUpperCase()}`;
    const signature = hmacHex(SECRET, `POST\n/apps/3/events\n${text}`);
    expect(answerTo({ body_md5: BODY_MD5.toUpperCase(), auth_signature: signature })).toBe('accepted');
  });

  test('a body without its digest is refused also when the rest is signed', () => {
    expect(answerTo({}, AT * 1000, `${BODY} `)).toMatch(/^Invalid body_md5: the 69 bytes received have MD5 /);
  });

  describe('REC auth §4.3: the clock may be off by less than 600 seconds either way', () => {
    test.each([
      [0, true],
      [599, true],
      [-599, true],
      [600, false],
      [-600, false],
      [86_400, false],
    ])('server %i s later: accepted %s', (seconds, accepted) => {
      expect(answerTo({}, (AT + seconds) * 1000) === 'accepted').toBe(accepted);
    });

    test('the refusal says both times and how far they are apart', () => {
      expect(answerTo({}, (AT + 601) * 1000 + 999)).toBe(
        'Timestamp expired: Given timestamp (2012-11-16T17:49:39Z) not within 600s of server time ' +
          "(2012-11-16T17:59:40Z): the sender's clock is 601 seconds behind",
      );
      expect(answerTo({}, (AT - 700) * 1000)).toMatch(/the sender's clock is 700 seconds ahead$/);
      expect(answerTo({ auth_timestamp: '9'.repeat(12) })).toMatch(/^Timestamp expired: Given timestamp \(\+/);
    });
  });

  test('no refusal tells the secret or the signature that would be right', () => {
    for (const change of [{ auth_signature: 'f'.repeat(64) }, { auth_signature: '' }, { auth_version: '9' }]) {
      const text = answerTo(change);
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(SIGNATURE);
    }
  });
});
