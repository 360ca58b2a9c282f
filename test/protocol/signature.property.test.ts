// What an independent signer signed is accepted, and refused when any part of it differs.
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestError } from '../../src/protocol/errors.ts';
import { Query } from '../../src/protocol/query.ts';
import { channelText, isSigned, readGrant, signGrant, verifyRequest } from '../../src/protocol/signature.ts';

const app = { key: 'app-key', secret: 'app-secret' };
const NOW_SECONDS = 1_700_000_000;

interface Request {
  readonly method: string;
  readonly path: string;
  /** Keys in lower case, values as meant: not encoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** As auth.md §4.2 says it, and nothing of the server's code. */
function signatureOf({ method, path, parameters }: Request, secret = app.secret): string {
  const pairs = Object.entries(parameters).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const text = `${method}\n${path}\n${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`;
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

function isAccepted({ method, path, parameters, body }: Request, signature: string): boolean {
  const query = new Query(new URLSearchParams({ ...parameters, auth_signature: signature }).toString());
  try {
    verifyRequest(app, { method, paths: () => [path], query, body }, NOW_SECONDS * 1000);
    return true;
  } catch (err) {
    expect(err).toBeInstanceOf(RequestError);
    return false;
  }
}

const name = fc.stringMatching(/^[a-z_]{1,8}$/).filter((text) => !text.startsWith('auth') && text !== 'body_md5');
const value = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('%2C', '%25', 'a+b', 'a b', 'presence-', 'user_count,subscription_count'),
);

const requests = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    path: fc.stringMatching(/^\/apps\/[a-zA-Z0-9_.-]{1,8}\/[a-zA-Z0-9_\-=@,.;/]{1,20}$/),
    extra: fc.dictionary(name, value, { maxKeys: 4 }),
    body: fc.oneof(
      fc.constant(Buffer.alloc(0)),
      fc.uint8Array({ minLength: 1, maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    ),
    skewSeconds: fc.integer({ min: -599, max: 599 }),
    emptyDigest: fc.boolean(),
  })
  .map(({ method, path, extra, body, skewSeconds, emptyDigest }): Request => {
    const digest = createHash('md5').update(body).digest('hex');
    const parameters: Record<string, string> = {
      ...extra,
      auth_key: app.key,
      auth_version: '1.0',
      auth_timestamp: String(NOW_SECONDS + skewSeconds),
      ...((body.length > 0 || emptyDigest) && { body_md5: digest }),
    };
    return { method, path, parameters, body };
  });

/** The text with one character replaced by another. */
function changed(text: string, at: number): string {
  if (text === '') return 'x';
  const index = at % text.length;
  return `${text.slice(0, index)}${text[index] === 'x' ? 'y' : 'x'}${text.slice(index + 1)}`;
}

test('what is signed is accepted, whatever its values, path and body', () => {
  fc.assert(
    fc.property(requests, (request) => {
      expect(isAccepted(request, signatureOf(request))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('any change of one character or byte is refused', () => {
  fc.assert(
    fc.property(requests, fc.nat(), fc.nat(), (request, part, at) => {
      const signature = signatureOf(request);
      const names = Object.keys(request.parameters);
      const chosen = names[part % names.length] ?? '';
      const body = request.body.length === 0 ? Buffer.from('x') : Buffer.from(request.body);
      if (request.body.length > 0) body[at % body.length] = (body[at % body.length] ?? 0) ^ (1 << (part % 8));
      const parameters = { ...request.parameters, [chosen]: changed(request.parameters[chosen] ?? '', at) };
      expect(isAccepted({ ...request, parameters }, signature)).toBe(false);
      expect(isAccepted({ ...request, path: changed(request.path, at) }, signature)).toBe(false);
      expect(isAccepted({ ...request, method: changed(request.method, at) }, signature)).toBe(false);
      expect(isAccepted({ ...request, body }, signature)).toBe(false);
      expect(isAccepted(request, changed(signature, at))).toBe(false);
      expect(isAccepted(request, signatureOf(request, 'other-secret'))).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('a parameter more or less is refused', () => {
  fc.assert(
    fc.property(requests, name, value, (request, added, text) => {
      fc.pre(!(added in request.parameters));
      const more = { ...request, parameters: { ...request.parameters, [added]: text } };
      expect(isAccepted(more, signatureOf(request))).toBe(false);
      expect(isAccepted(request, signatureOf(more))).toBe(false);
    }),
  );
});

test('a token is accepted for its socket, channel and data, and for no other', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 10 });
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), fc.nat(), (channel, data, at) => {
      const signed = `1.2:${channel}${data === undefined ? '' : `:${data}`}`;
      const token = `${app.key}:${createHmac('sha256', app.secret).update(signed).digest('hex')}`;
      expect(isSigned(app, token, channelText('1.2', channel, data))).toBe(true);
      expect(isSigned(app, token, channelText('1.3', channel, data))).toBe(false);
      expect(isSigned(app, token, channelText('1.2', changed(channel, at), data))).toBe(false);
      expect(isSigned(app, token, channelText('1.2', channel, `${data ?? ''} `))).toBe(false);
    }),
  );
});

/** Whether the server would take the token for this data: as core/grant.ts asks. */
function isGranted(auth: string, socketId: string, channel: string, data: string): boolean {
  const { token, channelData } = readGrant(auth);
  return channelData === data && isSigned(app, token, channelText(socketId, channel, channelData));
}

test('a token with its channel_data is read back, and good for its socket, channel and data only', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const some = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(text, some, fc.nat(), (channel, data, at) => {
      const auth = signGrant(app, '1.2', channel, data);
      expect(isGranted(auth, '1.2', channel, data)).toBe(true);
      expect(isGranted(auth, '1.3', channel, data)).toBe(false);
      expect(isGranted(auth, '1.2', changed(channel, at), data)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('a token with its channel_data that is changed anywhere, cut or spliced is refused', () => {
  const some = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  /** Whatever it says it carries, or no data. */
  const isTaken = (auth: string) => {
    const { token, channelData } = readGrant(auth);
    return isSigned(app, token, channelText('1.2', 'private-x', channelData));
  };
  fc.assert(
    fc.property(some, some, fc.nat(), (data, other, at) => {
      const auth = signGrant(app, '1.2', 'private-x', data);
      expect(isTaken(auth)).toBe(true);
      expect(isTaken(changed(auth, at))).toBe(false);
      expect(isTaken(auth.slice(0, at % auth.length))).toBe(false);
      expect(isTaken(`${auth}A`)).toBe(false);
      const [key, signature] = auth.split(':');
      fc.pre(other !== data);
      expect(isTaken(`${key}:${signature}:${Buffer.from(other).toString('base64url')}`)).toBe(false);
    }),
    { numRuns: 300 },
  );
});
