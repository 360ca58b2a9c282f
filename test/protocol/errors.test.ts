// The tables of what can be wrong: codes, texts and whether the connection ends, written out.
import { describe, expect, test } from 'vitest';
import * as errors from '../../src/protocol/errors.ts';
import { ProtocolError, RequestError } from '../../src/protocol/errors.ts';

describe('REC websocket §3.2, §11: endings have Reverb’s texts with the hosted codes', () => {
  const table = {
    unknownApp: [4001, 'Application does not exist'],
    disabledApp: [4003, 'The app is not enabled.'],
    quota: [4004, 'Application is over connection quota'],
    protocolMalformed: [4006, 'Invalid version string format'],
    protocolUnsupported: [4007, 'Unsupported protocol version'],
    protocolMissing: [4008, 'No protocol version supplied'],
    origin: [4009, 'Origin not allowed'],
    notAuthorized: [4009, 'Connection not authorized within timeout'],
    terminated: [4009, 'You got disconnected by the app.'],
    overCapacity: [4100, 'Over capacity'],
    slowReader: [4100, 'Connection reads too slowly'],
    internal: [4100, 'Internal server error, please reconnect'],
    draining: [4100, 'Server is closing. Please reconnect shortly.'],
    unavailable: [4100, 'Redis is unavailable. Please reconnect shortly.'],
    lost: [4200, 'This server has lost Redis. Please reconnect.'],
    restored: [4200, 'Redis is available again. Please reconnect.'],
    sentAway: [4200, 'You got disconnected by the app. Please reconnect.'],
    closing: [4200, 'Server is closing. Please reconnect shortly.'],
    noPong: [4201, 'Pong reply not received in time'],
  } as const;

  test.each(Object.entries(table))('%s', (name, [code, message]) => {
    expect(errors.endings[name as keyof typeof table]).toEqual({ code, message });
  });

  test('there is no ending the table does not know', () => {
    expect(Object.keys(errors.endings)).toEqual(Object.keys(table));
  });

  test('no ending has a code from 4300 up, at which pusher-js gives up, and every text fits a close frame', () => {
    for (const { code, message } of Object.values(errors.endings)) {
      expect(code).toBeLessThan(4300);
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(123);
    }
  });
});

const CONVENTIONS =
  'The channel name is not allowed. Read channel conventions: ' +
  'https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions';
const TOO_LARGE =
  'The data content of this event exceeds the allowed maximum (10240 bytes). ' +
  'See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info';
const NO_USER = 'A presence channel needs channel_data with a user_id of 1 to 128 characters, or a signed-in user.';

/** The `failure` of an error is what its subscription_error frame says. */
const failure = (type: string | undefined, error: string, status: number) => ({
  channel: 'x',
  ...(type !== undefined && { type }),
  error,
  status,
});
const auth = failure('AuthError', 'The connection is unauthorized.', 401);

describe('refused messages: code, text, and what the channel is told; the connection stays open', () => {
  test.each<[what: string, error: ProtocolError, code: number | null, message: string, failure?: object]>([
    ['REC websocket §4.6: no message', errors.invalidMessage(), 4200, 'Invalid message format'],
    ['REC websocket §4.3: unauthorized', errors.unauthorized('x', false), 4009, 'Connection is unauthorized', auth],
    [
      'REC websocket §4.3: unauthorized, in strict parity with hosted',
      errors.unauthorized('x', true),
      null,
      'Connection is unauthorized',
      auth,
    ],
    [
      'REC limits §2: channel name too long',
      errors.channelNameTooLong('x', 200),
      4009,
      'The channel name is longer than the allowed 200 characters.',
      failure('LimitReached', 'The channel name is longer than the allowed 200 characters.', 4009),
    ],
    [
      'REC limits §2: bad channel charset',
      errors.channelNameNotAllowed('x'),
      4009,
      CONVENTIONS,
      failure(undefined, CONVENTIONS, 4009),
    ],
    [
      'REC limits §2: presence full is 4301 in the error and 4100 on the channel',
      errors.presenceFull('x'),
      4301,
      'The maximum members per presence channel limit was reached',
      failure('LimitReached', 'The maximum members per presence channel limit was reached', 4100),
    ],
    [
      'REC limits §2: member too large',
      errors.memberTooLarge('x', 2048),
      4301,
      'The maximum size for a channel member is 2 KB.',
      failure('LimitReached', 'The maximum size for a channel member is 2 KB.', 4301),
    ],
    [
      'too many channels',
      errors.tooManyChannels('x', 50),
      4301,
      'The maximum of 50 channels per connection was reached.',
      failure('LimitReached', 'The maximum of 50 channels per connection was reached.', 4301),
    ],
    [
      'REC websocket §7: presence without a user',
      errors.presenceWithoutUser('x'),
      4009,
      NO_USER,
      failure('AuthError', NO_USER, 401),
    ],
    [
      'a grant that is over',
      errors.refusedJoin(errors.failures.grantExpired('x')),
      4009,
      'The grant for this channel has expired.',
      failure('GrantExpired', 'The grant for this channel has expired.', 401),
    ],
    [
      'a user who may not come back yet',
      errors.refusedJoin(errors.failures.denied('x', 60)),
      4009,
      'You were removed from this channel and may join again in 60 seconds.',
      failure('Revoked', 'You were removed from this channel and may join again in 60 seconds.', 403),
    ],
    [
      'an exp that is none',
      errors.refusedJoin(errors.failures.exp('x')),
      4009,
      'The exp of channel_data must be Unix seconds.',
      failure('AuthError', 'The exp of channel_data must be Unix seconds.', 401),
    ],
    [
      'a user nobody can be found by',
      errors.refusedJoin(errors.failures.userId('x')),
      4009,
      'The user_id of channel_data must have 1 to 128 characters.',
      failure('AuthError', 'The user_id of channel_data must have 1 to 128 characters.', 401),
    ],
    [
      'REC limits §2: watchlist too long',
      errors.watchlistTooLong(['1', '2']),
      4302,
      'Watchlist limit exceeded: only these 2 ids are watched: 1,2',
    ],
    [
      'REC websocket §6: client events disabled',
      errors.clientEventErrors.disabled(),
      4301,
      'The app does not have client messaging enabled.',
    ],
    [
      'REC websocket §6: sender not subscribed',
      errors.clientEventErrors.notMember(),
      4009,
      'The client is not a member of the specified channel.',
    ],
    [
      'REC websocket §6: channel type',
      errors.clientEventErrors.channelType(),
      4301,
      'Client event rejected - only supported on private and presence channels',
    ],
    ['REC websocket §6: rate', errors.clientEventErrors.rate(), 4301, 'Rate limit exceeded'],
    [
      'REC limits §2: client event name too long',
      errors.clientEventErrors.nameTooLong(200),
      4301,
      'Event name is too long. Maximum allowed size is 200.',
    ],
    ['REC limits §2: client event data too big', errors.clientEventErrors.tooLarge(10_240), 4301, TOO_LARGE],
  ])('%s', (_, error, code, message, channelFailure) => {
    expect(error).toBeInstanceOf(ProtocolError);
    expect({ code: error.code, message: error.message, fatal: error.fatal }).toEqual({ code, message, fatal: false });
    expect(error.failure).toEqual(channelFailure);
  });
});

test('who is removed from a channel is told so there, without an error', () => {
  expect(errors.failures.revoked('x')).toEqual(failure('Revoked', 'You were removed from this channel.', 403));
});

describe('REC websocket §10.1: a refused sign-in closes with 4009', () => {
  test.each([
    ['wrong signature or another user', errors.signinRefused(), 'Connection not authorized.'],
    ['no id', errors.signinWithoutId(), 'The returned user data must contain the "id" field.'],
  ])('%s', (_, error, message) => {
    expect(error).toMatchObject({ code: 4009, message, fatal: true, failure: undefined });
  });
});

describe('REC limits §3: refused API requests have a status and a text', () => {
  const { requestErrors } = errors;
  test.each<[error: RequestError, status: number, message: string]>([
    [requestErrors.unknownApp('3'), 404, 'No matching application for ID [3].'],
    [requestErrors.disabledApp(), 403, 'The app is not enabled.'],
    [requestErrors.notFound(), 404, 'Not found.'],
    [requestErrors.methodNotAllowed('POST'), 405, 'Method not allowed.'],
    [
      requestErrors.bodyTooLarge(100, 101),
      413,
      'Payload too large: the request body has 101 bytes, the limit is 100 bytes.',
    ],
    [
      requestErrors.bodyCut(100, 101),
      413,
      'Payload too large: the request body has more than 101 bytes, the limit is 100 bytes.',
    ],
    [requestErrors.dataTooLarge(10_240, 10_241, 'x'), 413, `${TOO_LARGE} (it has 10241 bytes, for channel x)`],
    [requestErrors.rate(1, 5), 429, 'Too many requests.'],
    [requestErrors.invalidJson(), 400, 'The request body is not valid JSON in UTF-8.'],
    [requestErrors.missing('name'), 400, 'Missing required parameter: name'],
    [requestErrors.invalid('name', 'must not be empty'), 400, 'Invalid name: must not be empty'],
    [requestErrors.channelName('a b'), 400, 'Invalid channel name a b'],
    [requestErrors.socketId('1'), 400, 'Invalid socket id 1'],
    [requestErrors.eventName(200), 400, 'Event name is too long. Maximum allowed size is 200.'],
    [
      requestErrors.reservedEventName('pusher:x'),
      400,
      'Invalid event name pusher:x: names starting with pusher: or pusher_internal: are reserved',
    ],
    [requestErrors.tooManyChannels(100), 400, 'Cannot broadcast to more than 100 channels at once'],
    [requestErrors.batchTooLarge(11, 10), 400, 'Batch too large (11 > 10)'],
    [requestErrors.usersOfNonPresence(), 400, 'Users can only be retrieved for presence channels'],
    [
      requestErrors.userCountFilter(),
      400,
      'user_count may only be requested for presence channels - please supply filter_by_prefix begining with presence-',
    ],
    [
      requestErrors.userCountOfNonPresence(),
      400,
      'Cannot retrieve the user count unless the channel is a presence channel',
    ],
    [requestErrors.notPublished(), 503, 'Redis is unavailable, the event was not published. Try again later.'],
    [requestErrors.unavailable(), 503, 'Redis is unavailable. Try again later.'],
  ])('%#: $1 $2', (error, status, message) => {
    expect(error).toBeInstanceOf(RequestError);
    expect({ status: error.status, message: error.message }).toEqual({ status, message });
  });

  test.each([
    [0.5, '1'],
    [1000, '1'],
    [1001, '2'],
  ])('REC limits §3: rate: %d ms to wait are a Retry-After of %s', (waitMs, retryAfter) => {
    expect(requestErrors.rate(waitMs, 5).headers).toEqual({
      'retry-after': retryAfter,
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '0',
    });
  });

  test('a method that is not allowed names those that are', () => {
    expect(requestErrors.methodNotAllowed('GET, POST').headers).toEqual({ allow: 'GET, POST' });
  });

  test('a body that was not read to its end ends the connection', () => {
    expect(requestErrors.bodyCut(1, 2).headers).toEqual({ connection: 'close' });
  });
});
