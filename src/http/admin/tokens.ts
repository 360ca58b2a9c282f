// Who may use the admin API: whoever sends one of the configured tokens (RFC 6750 §2.1).
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../../protocol/errors.ts';

const BEARER = /^bearer +(\S+) *$/i;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="fanfare admin"' };

/** Compares digests, all of them whatever matches: the time says nothing of a token, its length included. */
export class AdminTokens {
  readonly #digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digestOf);
  }

  /** @throws RequestError 401 */
  check(authorization: string | undefined): void {
    const [, token] = BEARER.exec(authorization ?? '') ?? [];
    if (token === undefined) {
      throw new RequestError(401, 'No token: send it as Authorization: Bearer TOKEN.', CHALLENGE);
    }
    const digest = digestOf(token);
    const matching = this.#digests.filter((known) => timingSafeEqual(known, digest));
    if (matching.length === 0)
      throw new RequestError(401, 'This is no token of the admin API (admin.tokens).', CHALLENGE);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
