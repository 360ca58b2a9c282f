// What a join is granted: signatures that carry their data, ends, and named users.
import { describe, expect, test } from 'vitest';
import { type Grant, grantOf } from '../../src/core/grant.ts';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { signGrant } from '../../src/protocol/signature.ts';
import { makeApp, token } from './support/harness.ts';

const NOW_MS = 1_700_000_000_500;
const SOCKET = '1.2';
const app = makeApp();

/** A join whose channel_data is part of the token, forwarded beside it, or both. */
function granted(
  channel: string,
  data: string | undefined,
  how: 'forwarded' | 'embedded' | 'both' = 'forwarded',
  user?: { id: string; info: string },
): Grant {
  const text = data === undefined ? `${SOCKET}:${channel}` : `${SOCKET}:${channel}:${data}`;
  const auth = how === 'forwarded' ? token(text) : signGrant(app, SOCKET, channel, data ?? '');
  const channelData = how === 'embedded' ? undefined : data;
  return grantOf({ app, user, socketId: SOCKET }, { type: 'subscribe', channel, auth, channelData }, NOW_MS);
}

function refusalOf(join: () => Grant): string {
  try {
    return JSON.stringify(join());
  } catch (err) {
    expect(err).toBeInstanceOf(ProtocolError);
    expect(err).toMatchObject({ code: 4009, fatal: false });
    const { type, error, status } = (err as ProtocolError).failure ?? {};
    return `${type} ${status}: ${error}`;
  }
}

const UNAUTHORIZED = 'AuthError 401: The connection is unauthorized.';
const nobody = { member: undefined, userId: undefined };

describe.each(['private-x', 'private-encrypted-x', 'private-cache-x', 'private-encrypted-cache-x'])('%s', (channel) => {
  test.each(['forwarded', 'embedded', 'both'] as const)('channel_data may name a user and an end: %s', (how) => {
    const grant = granted(channel, '{"user_id":"7","exp":1700000001}', how);
    expect(grant).toEqual({ member: undefined, userId: '7', endsAtMs: 1_700_000_001_000 });
  });
});

describe('presence', () => {
  test.each(['forwarded', 'embedded', 'both'] as const)('the end is no part of the member: %s', (how) => {
    const grant = granted('presence-x', '{"user_id":7,"user_info":{"a":1},"exp":1700000001.5}', how);
    expect(grant).toEqual({ member: { userId: '7', info: '{"a":1}' }, userId: '7', endsAtMs: 1_700_000_001_500 });
  });

  test('the signed-in user may be the member of a grant that ends', () => {
    const user = { id: 'me', info: '"Me"' };
    const grant = granted('presence-x', '{"exp":1700000001}', 'forwarded', user);
    expect(grant).toMatchObject({ userId: 'me', endsAtMs: 1_700_000_001_000 });
  });

  test('a grant without a user is refused as ever, an end or not', () => {
    expect(refusalOf(() => granted('presence-x', '{"exp":1700000001}'))).toMatch(/^AuthError 401: A presence channel/);
  });
});

describe('channels without a signature', () => {
  test('grant what channel_data says to nobody and for ever: nobody vouches for it', () => {
    expect(granted('news', '{"user_id":"7","exp":1}')).toEqual({ ...nobody, endsAtMs: undefined });
  });
});

describe('exp', () => {
  const none = { ...nobody, endsAtMs: undefined };
  test.each<[data: string | undefined, grant: object]>([
    [undefined, none],
    ['{}', none],
    ['no JSON', none],
    ['["exp"]', none],
    ['null', none],
    ['7', none],
    ['{"__proto__":{"exp":1,"user_id":"7"}}', none],
    ['{"exp":1700000000.501}', { ...nobody, endsAtMs: 1_700_000_000_501 }],
    ['{"exp":1e300}', { ...nobody, endsAtMs: 1e303 }],
  ])('%s', (data, grant) => expect(granted('private-x', data)).toEqual(grant));

  test.each(['1700000000.5', '1700000000', '1', '1e-9'])('%s is over, and refused as that', (exp) => {
    const over = 'GrantExpired 401: The grant for this channel has expired.';
    expect(refusalOf(() => granted('private-x', `{"exp":${exp}}`))).toBe(over);
    expect(refusalOf(() => granted('private-x', `{"exp":${exp}}`, 'embedded'))).toBe(over);
    expect(refusalOf(() => granted('presence-x', `{"user_id":"7","exp":${exp}}`))).toBe(over);
  });

  test.each(['"1800000000"', 'null', '0', '-1', '1e400', 'true', '[1800000000]', '{}', '""'])(
    '%s is no time, and is refused, never ignored',
    (exp) => {
      const text = 'AuthError 401: The exp of channel_data must be Unix seconds.';
      expect(refusalOf(() => granted('private-x', `{"exp":${exp}}`))).toBe(text);
      expect(refusalOf(() => granted('presence-x', `{"user_id":"7","exp":${exp}}`))).toBe(text);
    },
  );

  test('that the signature does not cover is not heard', () => {
    const auth = token(`${SOCKET}:private-x`);
    const message = { type: 'subscribe', channel: 'private-x', auth, channelData: '{"exp":1,"user_id":"7"}' } as const;
    expect(grantOf({ app, user: undefined, socketId: SOCKET }, message, NOW_MS)).toEqual(none);
  });
});

describe('user_id without presence', () => {
  test.each([
    ['"7"', '7'],
    ['7', '7'],
    ['0', '0'],
    ['null', undefined],
    [`"${'🎺'.repeat(128)}"`, '🎺'.repeat(128)],
  ])('%s', (id, userId) =>
    expect(granted('private-x', `{"user_id":${id}}`)).toMatchObject({ userId, member: undefined }),
  );

  test.each(['""', '{}', '["7"]', 'true', `"${'x'.repeat(129)}"`])(
    '%s is nobody who could be found, and is refused',
    (id) => {
      expect(refusalOf(() => granted('private-x', `{"user_id":${id}}`))).toBe(
        'AuthError 401: The user_id of channel_data must have 1 to 128 characters.',
      );
    },
  );
});

describe('a token that carries its channel_data', () => {
  const data = '{"user_id":"7"}';
  const encoded = (text: string) => Buffer.from(text).toString('base64url');
  const right = signGrant(app, SOCKET, 'private-x', data);
  const plain = token(`${SOCKET}:private-x`);

  test.each<[what: string, channel: string, auth: string, channelData?: string]>([
    ['for another socket', 'private-x', signGrant(app, '1.3', 'private-x', data)],
    ['for another channel', 'private-y', right],
    ['of another app', 'private-x', signGrant({ key: 'other', secret: 'secret' }, SOCKET, 'private-x', data)],
    ['of another secret', 'private-x', signGrant({ key: 'key', secret: 'other' }, SOCKET, 'private-x', data)],
    ['with other data', 'private-x', `${right.slice(0, right.lastIndexOf(':'))}:${encoded('{"user_id":"8"}')}`],
    ['with its data cut off', 'private-x', right.slice(0, right.lastIndexOf(':'))],
    ['with empty data', 'private-x', right.slice(0, right.lastIndexOf(':') + 1)],
    ['beside other data', 'private-x', right, '{"user_id":"8"}'],
    ['beside the same data written otherwise', 'private-x', right, '{"user_id": "7"}'],
    ['data behind a signature that does not cover it', 'private-x', `${plain}:${encoded(data)}`],
    ['the same, and forwarded', 'private-x', `${plain}:${encoded(data)}`, data],
    ['on a presence channel, beside other data', 'presence-x', signGrant(app, SOCKET, 'presence-x', data), '{}'],
    ['more than 16 KB', 'private-x', signGrant(app, SOCKET, 'private-x', `"${'x'.repeat(16_384)}"`)],
  ])('%s: unauthorised', (_, channel, auth, channelData) => {
    const message = { type: 'subscribe', channel, auth, channelData } as const;
    expect(refusalOf(() => grantOf({ app, user: undefined, socketId: SOCKET }, message, NOW_MS))).toBe(UNAUTHORIZED);
  });
});
