// Who a JSON Web Token names (RFC 7519): found in the request, checked with the application's key, and nothing taken on
// trust: the algorithms are those of the configured key, never those a token asks for.
import { readFileSync } from 'node:fs';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { BearerSettings } from '../core/app-auth.ts';
import type { Caller } from '../core/authorization.ts';
import {
  type PublicKey,
  publicKeyAlgorithms,
  readPublicKey,
  secretAlgorithms,
  type TokenAlgorithm,
} from '../core/token-key.ts';
import type { RequestError } from '../protocol/errors.ts';
import { readJson } from '../protocol/json.ts';
import type { Claims } from './claims.ts';
import { KeySet } from './key-set.ts';
import { refusals } from './refusals.ts';
import { tokenIn } from './token.ts';

/** Node takes 16 kB of headers in all. */
const TOKEN_BYTES = 12_288;
const JWT = /^([\w-]+)\.[\w-]+\.[\w-]*$/;
/** Checks a token's signature and times. */
type Verify = (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

export class BearerTokens {
  readonly #settings: BearerSettings;
  readonly #verify: Verify;
  readonly #algorithms: readonly string[];
  readonly #keys: KeySet | undefined;

  /** @throws Error when the public key cannot be used; the configuration was checked before */
  constructor(settings: BearerSettings, log: Logger) {
    this.#settings = settings;
    const { secret, algorithms, jwksUrl: url, jwksTimeoutSeconds, jwksMaxAgeSeconds } = settings;
    let fitting: readonly TokenAlgorithm[] = publicKeyAlgorithms;
    if (secret !== undefined) {
      const key = Buffer.from(secret);
      fitting = algorithms.length === 0 ? ['HS256'] : secretAlgorithms;
      this.#verify = async (token, options) => (await jwtVerify(token, key, options)).payload;
    } else if (url !== undefined) {
      const keys = new KeySet({ url, timeoutMs: jwksTimeoutSeconds * 1000, maxAgeMs: jwksMaxAgeSeconds * 1000 }, log);
      this.#keys = keys;
      this.#verify = (token, options) => verifyWithSet(token, keys, options);
    } else {
      const { key, algorithms: ofKey } = publicKeyOf(settings);
      fitting = ofKey;
      this.#verify = async (token, options) => (await jwtVerify(token, key, options)).payload;
    }
    this.#algorithms = algorithms.length === 0 ? fitting : fitting.filter((name) => algorithms.includes(name));
  }

  /** Aborts a fetch of keys. Safe to call twice. */
  stop(): void {
    this.#keys?.stop();
  }

  /**
   * The claims of the request's token; `unrecognised` when it has none, or one that is no JSON Web Token, which another
   * source may know.
   * @throws RequestError 401 for a token that is not valid, 503 when that cannot be found out
   */
  async claimsOf(caller: Caller): Promise<{ readonly claims: Claims } | { readonly unrecognised: RequestError }> {
    const token = tokenIn(caller.headers, this.#settings.cookie);
    if (token === undefined) return { unrecognised: refusals.noToken() };
    if (Buffer.byteLength(token) > TOKEN_BYTES) throw refusals.tokenTooLarge(TOKEN_BYTES);
    if (!isJwt(token)) return { unrecognised: refusals.notJwt() };
    const claims = await this.#claims(token);
    const { clockToleranceSeconds } = this.#settings;
    // jose looks at iat only where an age is limited.
    if (claims.iat !== undefined && claims.iat > Date.now() / 1000 + clockToleranceSeconds) {
      throw refusals.issuedInFuture();
    }
    return { claims };
  }

  async #claims(token: string): Promise<JWTPayload> {
    const { issuer, audience, clockToleranceSeconds, requireExpiry } = this.#settings;
    try {
      return await this.#verify(token, {
        algorithms: [...this.#algorithms],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: requireExpiry ? ['exp'] : [],
        ...(issuer !== undefined && { issuer }),
        ...(audience.length > 0 && { audience: [...audience] }),
      });
    } catch (err) {
      throw refusalOf(err);
    }
  }
}

/** Three parts, of which the first is a JSON object. */
function isJwt(token: string): boolean {
  const [, header] = JWT.exec(token) ?? [];
  if (header === undefined) return false;
  const value = readJson(Buffer.from(header, 'base64url').toString());
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The last is for critical extensions (crit). */
const NOT_JWT = [errors.JWSInvalid, errors.JWTInvalid, errors.JOSENotSupported] as const;
const BY_CLAIM = { iss: refusals.issuer, aud: refusals.audience, nbf: refusals.notYetValid } as const;

/** What a token can be refused for; any other error is ours or the key set's, stays itself and allows nothing either. */
function refusalOf(err: unknown): unknown {
  if (err instanceof errors.JWTExpired) return refusals.expired();
  if (err instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = err;
    const known = BY_CLAIM[claim as keyof typeof BY_CLAIM];
    return reason === 'check_failed' && known !== undefined ? known() : refusals.malformedClaim(claim);
  }
  if (err instanceof errors.JOSEAlgNotAllowed) return refusals.algorithm();
  if (err instanceof errors.JWSSignatureVerificationFailed) return refusals.signature();
  if (err instanceof errors.JWKSNoMatchingKey) return refusals.unknownKey();
  return NOT_JWT.some((kind) => err instanceof kind) ? refusals.notJwt() : err;
}

/** A token without kid may fit several keys of a set (RFC 7517 §4.5): the first that verifies it counts. */
async function verifyWithSet(token: string, keys: KeySet, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys.keyFor, options)).payload;
  } catch (err) {
    if (!(err instanceof errors.JWKSMultipleMatchingKeys)) throw err;
    for await (const key of err) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (other) {
        if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** @throws Error that names the setting */
function publicKeyOf({ publicKey, publicKeyFile = '' }: BearerSettings): PublicKey {
  try {
    return readPublicKey(publicKey ?? readFileSync(publicKeyFile, 'utf8'));
  } catch (err) {
    const setting = publicKey === undefined ? 'publicKeyFile' : 'publicKey';
    throw new Error(`auth.bearer.${setting}: ${(err as Error).message}`);
  }
}
