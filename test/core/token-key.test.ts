// Public keys in PEM: which algorithms each can check, and what cannot be used.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPublicKey } from '../../src/core/token-key.ts';
import { makeCertificate } from '../support/certificate.ts';

const pem = (key: KeyObject, type: 'spki' | 'pkcs1' | 'pkcs8' = 'spki') =>
  key.export({ type: type as 'spki', format: 'pem' }).toString();
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
const curve = (namedCurve: string) => pem(generateKeyPairSync('ec', { namedCurve }).publicKey);
const needed = 'it must be RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519';

describe('a public key', () => {
  const { publicKey, privateKey } = rsa(2048);

  test.each([
    ['prime256v1', 'ES256'],
    ['secp384r1', 'ES384'],
    ['secp521r1', 'ES512'],
  ])('on %s checks %s only', (name, algorithm) => {
    expect(readPublicKey(curve(name)).algorithms).toEqual([algorithm]);
  });

  test('of Ed25519 checks EdDSA only', () => {
    expect(readPublicKey(pem(generateKeyPairSync('ed25519').publicKey)).algorithms).toEqual(['EdDSA']);
  });

  test.each(['spki', 'pkcs1'] as const)('of RSA as %s checks RS and PS', (type) => {
    const { key, algorithms } = readPublicKey(pem(publicKey, type));
    expect(algorithms).toEqual(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']);
    expect(key.equals(publicKey)).toBe(true);
  });

  test('may come in a certificate', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-key-'));
    const certificate = readFileSync(makeCertificate(folder).certFile, 'utf8');
    rmSync(folder, { recursive: true });
    expect(readPublicKey(certificate).algorithms).toEqual(['ES256']);
  });

  test.each(['pkcs8', 'pkcs1'] as const)('is not a private key, as %s', (type) => {
    const text = 'is a private key: give the public one (openssl pkey -in FILE -pubout)';
    expect(() => readPublicKey(pem(privateKey, type))).toThrow(new Error(text));
    expect(() => readPublicKey(pem(publicKey) + pem(privateKey, type))).toThrow(new Error(text));
  });

  test.each(['', 'hello', '-----BEGIN PUBLIC KEY-----\nhello\n-----END PUBLIC KEY-----'])('is not %j', (text) => {
    const reason = 'is not a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----';
    expect(() => readPublicKey(text)).toThrow(new Error(reason));
  });

  test('is not short, nor of another kind', () => {
    expect(() => readPublicKey(pem(rsa(1024).publicKey))).toThrow(new Error(`is an RSA key of 1024 bits: ${needed}`));
    expect(() => readPublicKey(curve('secp256k1'))).toThrow(new Error(`is a key of type secp256k1: ${needed}`));
    const { publicKey: x25519 } = generateKeyPairSync('x25519');
    expect(() => readPublicKey(pem(x25519))).toThrow(new Error(`is a key of type x25519: ${needed}`));
  });
});
