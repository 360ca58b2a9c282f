// The keys that tokens are checked with, and the algorithms that fit each (RFC 7518 §3.1, RFC 8037 §3.1). Pure.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

export const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const;
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
export const publicKeyAlgorithms = [...RSA, 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
export const tokenAlgorithms = [...secretAlgorithms, ...publicKeyAlgorithms] as const;

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

export interface PublicKey {
  readonly key: KeyObject;
  /** Those it can check, so that a token cannot choose what the key is used for. */
  readonly algorithms: readonly TokenAlgorithm[];
}

/** RFC 7518 §3.3. */
const RSA_BITS = 2048;
const CURVES: Readonly<Record<string, TokenAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const TAKEN = `RSA of ${RSA_BITS} bits or more, P-256, P-384, P-521 or Ed25519`;

/**
 * Reads a public key, or the one of a certificate.
 * @throws Error that says what the text is instead, never what it holds
 */
export function readPublicKey(pem: string): PublicKey {
  if (pem.includes('PRIVATE KEY-----')) {
    throw new Error('is a private key: give the public one (openssl pkey -in FILE -pubout)');
  }
  const key = parse(pem);
  return { key, algorithms: algorithmsOf(key) };
}

function parse(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error('is not a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----');
  }
}

/** Whether this member of a JSON Web Key Set is a public key that tokens can be checked with (RFC 7517 §5). */
export function isUsableKey(jwk: unknown): jwk is JsonWebKey & { kty: string } {
  // A private key that its owner publishes is a key that anybody has; oct is a shared secret.
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk || 'k' in jwk) return false;
  try {
    return algorithmsOf(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })).length > 0;
  } catch {
    return false;
  }
}

function algorithmsOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): readonly TokenAlgorithm[] {
  if (type === 'ed25519') return ['EdDSA'];
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits >= RSA_BITS) return RSA;
    throw new Error(`is an RSA key of ${bits} bits: it must be ${TAKEN}`);
  }
  const algorithm = CURVES[details?.namedCurve ?? ''];
  if (algorithm !== undefined) return [algorithm];
  throw new Error(`is a key of type ${details?.namedCurve ?? type}: it must be ${TAKEN}`);
}
