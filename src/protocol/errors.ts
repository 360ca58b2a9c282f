// Everything that can be wrong with a message or a request: code or status, text, and whether the connection ends.
// Codes: websocket.md §11; texts: websocket.md §3.2, §4.3, limits.md §2 and §3.

/** What a `pusher:subscription_error` frame says (websocket.md §4.3). */
export interface SubscriptionFailure {
  readonly channel: string;
  readonly type?: 'AuthError' | 'LimitReached' | 'GrantExpired' | 'Revoked';
  readonly error: string;
  readonly status: number;
}

/**
 * A client broke a rule. `code` goes into the `pusher:error` frame (null: hosted Pusher's uncategorised notice);
 * `fatal` also closes the connection with that code; `failure` also answers on the channel that was asked for.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: number | null;
  readonly fatal: boolean;
  readonly failure: SubscriptionFailure | undefined;

  constructor(code: number | null, message: string, options: { fatal?: boolean; failure?: SubscriptionFailure } = {}) {
    super(message);
    this.code = code;
    this.fatal = options.fatal ?? false;
    this.failure = options.failure;
  }
}

/** An API request is answered with `status`, `message` as plain text, and `headers`. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** A reason to end a connection: the error frame's and the close frame's code and text are the same. */
export interface Ending {
  readonly code: number;
  readonly message: string;
}

/** The endings the server decides on, beside fatal ProtocolErrors. */
export const endings = {
  unknownApp: { code: 4001, message: 'Application does not exist' },
  disabledApp: { code: 4003, message: 'The app is not enabled.' },
  quota: { code: 4004, message: 'Application is over connection quota' },
  protocolMalformed: { code: 4006, message: 'Invalid version string format' },
  protocolUnsupported: { code: 4007, message: 'Unsupported protocol version' },
  protocolMissing: { code: 4008, message: 'No protocol version supplied' },
  origin: { code: 4009, message: 'Origin not allowed' },
  notAuthorized: { code: 4009, message: 'Connection not authorized within timeout' },
  terminated: { code: 4009, message: 'You got disconnected by the app.' },
  overCapacity: { code: 4100, message: 'Over capacity' },
  slowReader: { code: 4100, message: 'Connection reads too slowly' },
  internal: { code: 4100, message: 'Internal server error, please reconnect' },
  /** To who connects to a node on its way down. Not 4200, with which clients would be back at once. */
  draining: { code: 4100, message: 'Server is closing. Please reconnect shortly.' },
  /** To who connects while Redis is away: they are back in a second, on another server perhaps. */
  unavailable: { code: 4100, message: 'Redis is unavailable. Please reconnect shortly.' },
  /** To the sockets of a server that is out of the cluster: other servers may still be in it. */
  lost: { code: 4200, message: 'This server has lost Redis. Please reconnect.' },
  /** To who was refused something while Redis was away: their client asks again when it connects. */
  restored: { code: 4200, message: 'Redis is available again. Please reconnect.' },
  sentAway: { code: 4200, message: 'You got disconnected by the app. Please reconnect.' },
  closing: { code: 4200, message: 'Server is closing. Please reconnect shortly.' },
  noPong: { code: 4201, message: 'Pong reply not received in time' },
} as const satisfies Record<string, Ending>;

/** Bad input on an open connection; it stays open (websocket.md §4.6). */
export const invalidMessage = () => new ProtocolError(4200, 'Invalid message format');

/** A join that the signature does not cover; never fatal, pusher-js may have signed for its former socket. */
export const unauthorized = (channel: string, strict: boolean) =>
  new ProtocolError(strict ? null : 4009, 'Connection is unauthorized', {
    failure: { channel, type: 'AuthError', error: 'The connection is unauthorized.', status: 401 },
  });

const limitReached = (channel: string, code: number, message: string, status = code) =>
  new ProtocolError(code, message, { failure: { channel, type: 'LimitReached', error: message, status } });

export const channelNameTooLong = (channel: string, limit: number) =>
  limitReached(channel, 4009, `The channel name is longer than the allowed ${limit} characters.`);

const CONVENTIONS = 'https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions';

export const channelNameNotAllowed = (channel: string) => {
  const error = `The channel name is not allowed. Read channel conventions: ${CONVENTIONS}`;
  return new ProtocolError(4009, error, { failure: { channel, error, status: 4009 } });
};

/** The frame's code is 4301, as a 4100 there makes Pysher reconnect (limits.md §2). */
export const presenceFull = (channel: string) =>
  limitReached(channel, 4301, 'The maximum members per presence channel limit was reached', 4100);

export const memberTooLarge = (channel: string, limitBytes: number) =>
  limitReached(channel, 4301, `The maximum size for a channel member is ${limitBytes / 1024} KB.`);

export const tooManyChannels = (channel: string, limit: number) =>
  limitReached(channel, 4301, `The maximum of ${limit} channels per connection was reached.`);

const authError = (channel: string, error: string): SubscriptionFailure => ({
  channel,
  type: 'AuthError',
  error,
  status: 401,
});

/** Of grants, at the join or, without an error, when they end: see README.md, extensions. */
export const failures = {
  grantExpired: (channel: string): SubscriptionFailure => ({
    channel,
    type: 'GrantExpired',
    error: 'The grant for this channel has expired.',
    status: 401,
  }),
  revoked: (channel: string): SubscriptionFailure => ({
    channel,
    type: 'Revoked',
    error: 'You were removed from this channel.',
    status: 403,
  }),
  denied: (channel: string, seconds: number): SubscriptionFailure => ({
    channel,
    type: 'Revoked',
    error: `You were removed from this channel and may join again in ${seconds} seconds.`,
    status: 403,
  }),
  exp: (channel: string) => authError(channel, 'The exp of channel_data must be Unix seconds.'),
  userId: (channel: string) => authError(channel, 'The user_id of channel_data must have 1 to 128 characters.'),
};

/** A join that is refused for such a reason. */
export const refusedJoin = (failure: SubscriptionFailure) => new ProtocolError(4009, failure.error, { failure });

export const presenceWithoutUser = (channel: string) =>
  refusedJoin(
    authError(
      channel,
      'A presence channel needs channel_data with a user_id of 1 to 128 characters, or a signed-in user.',
    ),
  );

export const signinRefused = () => new ProtocolError(4009, 'Connection not authorized.', { fatal: true });

export const signinWithoutId = () =>
  new ProtocolError(4009, 'The returned user data must contain the "id" field.', { fatal: true });

export const signinInvalidId = () =>
  new ProtocolError(4009, 'The user id may have 1 to 128 characters of A-Z a-z 0-9 _ - = @ , . ;', { fatal: true });

export const watchlistTooLong = (accepted: readonly string[]) =>
  new ProtocolError(4302, `Watchlist limit exceeded: only these ${accepted.length} ids are watched: ${accepted}`);

const tooLargeText = (limitBytes: number) =>
  `The data content of this event exceeds the allowed maximum (${limitBytes} bytes). ` +
  'See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info';

/** Client events (websocket.md §6): all non-fatal, the event is dropped. */
export const clientEventErrors = {
  disabled: () => new ProtocolError(4301, 'The app does not have client messaging enabled.'),
  notMember: () => new ProtocolError(4009, 'The client is not a member of the specified channel.'),
  channelType: () => new ProtocolError(4301, 'Client event rejected - only supported on private and presence channels'),
  rate: () => new ProtocolError(4301, 'Rate limit exceeded'),
  nameTooLong: (limit: number) => new ProtocolError(4301, `Event name is too long. Maximum allowed size is ${limit}.`),
  tooLarge: (limitBytes: number) => new ProtocolError(4301, tooLargeText(limitBytes)),
};

/** About as long as a node waits between two attempts to reach Redis. */
const SOON = { 'retry-after': '2' };

/**
 * Something that needs the other servers while they cannot be reached: it did not happen, and the connection stays. Not
 * 4100, with which Pysher would reconnect.
 * @param channel that was to be joined, which is told too
 */
export const tryAgain = (error: string, channel?: string) =>
  new ProtocolError(4301, error, channel === undefined ? {} : { failure: { channel, error, status: 503 } });

/** What the adapters say while the other servers cannot be reached: nobody's mistake, and soon over. */
export function isUnavailable(err: unknown): err is RequestError {
  return err instanceof RequestError && err.status === 503;
}

/** API requests (limits.md §3, http-api.md §1.1). */
export const requestErrors = {
  unknownApp: (id: string) => new RequestError(404, `No matching application for ID [${id}].`),
  disabledApp: () => new RequestError(403, 'The app is not enabled.'),
  notFound: () => new RequestError(404, 'Not found.'),
  methodNotAllowed: (allow: string) => new RequestError(405, 'Method not allowed.', { allow }),
  bodyTooLarge: (limitBytes: number, actualBytes: number) =>
    new RequestError(
      413,
      `Payload too large: the request body has ${actualBytes} bytes, the limit is ${limitBytes} bytes.`,
    ),
  bodyCut: (limitBytes: number, actualBytes: number) =>
    new RequestError(
      413,
      `Payload too large: the request body has more than ${actualBytes} bytes, the limit is ${limitBytes} bytes.`,
      { connection: 'close' },
    ),
  dataTooLarge: (limitBytes: number, actualBytes: number, channel: string) =>
    new RequestError(413, `${tooLargeText(limitBytes)} (it has ${actualBytes} bytes, for channel ${channel})`),
  rate: (retryAfterMs: number, limit: number) =>
    new RequestError(429, 'Too many requests.', {
      'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': '0',
    }),
  invalidJson: () => new RequestError(400, 'The request body is not valid JSON in UTF-8.'),
  missing: (parameter: string) => new RequestError(400, `Missing required parameter: ${parameter}`),
  invalid: (parameter: string, expected: string) => new RequestError(400, `Invalid ${parameter}: ${expected}`),
  noSuch: (what: string, id: string) => new RequestError(404, `There is no ${what} ${id}.`),
  nodeSilent: () =>
    new RequestError(503, 'The server that holds this connection does not answer. Try again later.', {
      'retry-after': '1',
    }),
  stillDoing: () =>
    new RequestError(
      409,
      'A request with this Idempotency-Key is under way, or was and may have been done. Try again later.',
      { 'retry-after': '1' },
    ),
  keyOfAnother: () => new RequestError(422, 'This Idempotency-Key was used for another request. Choose a new one.'),
  unknownParameter: (parameter: string) => new RequestError(400, `Unknown parameter: ${parameter}`),
  channelName: (name: string) => new RequestError(400, `Invalid channel name ${name}`),
  socketId: (value: string) => new RequestError(400, `Invalid socket id ${value}`),
  eventName: (limit: number) => new RequestError(400, `Event name is too long. Maximum allowed size is ${limit}.`),
  reservedEventName: (name: string) =>
    new RequestError(400, `Invalid event name ${name}: names starting with pusher: or pusher_internal: are reserved`),
  tooManyChannels: (limit: number) => new RequestError(400, `Cannot broadcast to more than ${limit} channels at once`),
  batchTooLarge: (actual: number, limit: number) => new RequestError(400, `Batch too large (${actual} > ${limit})`),
  usersOfNonPresence: () => new RequestError(400, 'Users can only be retrieved for presence channels'),
  /** Strict apps only; hosted Pusher's spelling. */
  userCountFilter: () =>
    new RequestError(
      400,
      'user_count may only be requested for presence channels - please supply filter_by_prefix begining with presence-',
    ),
  userCountOfNonPresence: () =>
    new RequestError(400, 'Cannot retrieve the user count unless the channel is a presence channel'),
  /** Never a 200 for what was not published; the back-end's own retry brings it. */
  notPublished: () =>
    new RequestError(503, 'Redis is unavailable, the event was not published. Try again later.', SOON),
  unavailable: () => new RequestError(503, 'Redis is unavailable. Try again later.', SOON),
  /** To health checks. @param reason a sentence */
  notReady: (reason: string) => new RequestError(503, reason, { 'retry-after': '1' }),
};
