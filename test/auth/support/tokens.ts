// What tokens are made and checked with in tests: key pairs, signed tokens, callers, and a JWKS server with moods.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { z } from 'zod';
import { appAuthSchema, type BearerSettings } from '../../../src/core/app-auth.ts';
import type { Caller } from '../../../src/core/authorization.ts';

export const SECRET = 'a-secret-of-the-application-that-signs';

type BearerInput = NonNullable<NonNullable<z.input<typeof appAuthSchema>>['bearer']>;

export function settingsOf(bearer: BearerInput): BearerSettings {
  const settings = appAuthSchema.parse({ bearer })?.bearer;
  if (settings === undefined) throw new Error('no settings');
  return settings;
}

export interface TestKey {
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly pem: string;
  /** As in a key set; with `kid` where one was given. */
  readonly jwk: JWK;
}

export async function makeKey(algorithm: string, kid?: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) };
  return { algorithm, privateKey, pem: await exportSPKI(publicKey), jwk };
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Good for an hour and of user 7, where the claims do not say otherwise; `undefined` leaves a claim out. */
export function payloadOf(claims: Record<string, unknown> = {}): JWTPayload {
  const all = { sub: '7', exp: nowSeconds() + 3600, ...claims };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function signWithSecret(claims: Record<string, unknown> = {}, secret = SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(payloadOf(claims)).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

/** The header has the key's kid, or none. */
export function signWith(key: TestKey, claims: Record<string, unknown> = {}, alg = key.algorithm): Promise<string> {
  const { kid } = key.jwk;
  const header = { alg, ...(kid !== undefined && { kid }) };
  return new SignJWT(payloadOf(claims)).setProtectedHeader(header).sign(key.privateKey);
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as nobody should sign it. */
export function forge(header: unknown, payload: unknown = payloadOf(), signature = ''): string {
  return `${part(header)}.${part(payload)}.${signature}`;
}

export function callerWith(headers: Caller['headers'] = {}): Caller {
  return { headers, address: '127.0.0.1', encoding: 'form', fields: {} };
}

export const bearing = (token: string) => callerWith({ authorization: `Bearer ${token}` });

type Mood = (response: ServerResponse) => void;

/** Answers with `keys` unless its mood is another; counts who asks. */
export class JwksServer implements AsyncDisposable {
  readonly #server = createServer((_, response) => this.#answer(response));
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly #held: ServerResponse[] = [];
  #mood: Mood = () => {};
  requests = 0;

  static async start(...keys: readonly TestKey[]): Promise<JwksServer> {
    const jwks = new JwksServer();
    jwks.serve(...keys.map(({ jwk }) => jwk));
    await new Promise<void>((resolve) => jwks.#server.listen(0, '127.0.0.1', resolve));
    return jwks;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/jwks.json?secret=hush`;
  }

  serve(...keys: readonly unknown[]): void {
    this.say(JSON.stringify({ keys }));
  }

  say(text: string | Buffer, status = 200, headers: Record<string, string> = {}): void {
    this.#mood = (response) => response.writeHead(status, headers).end(text);
  }

  /** No answer until there is another mood and `release` is called. */
  hang(): void {
    this.#mood = (response) => void this.#held.push(response);
  }

  /** Says `text` and then nothing more, without an end. */
  stall(text: string): void {
    this.#mood = (response) => void response.writeHead(200).write(text);
  }

  /** Closes connections without an answer. */
  drop(): void {
    this.#mood = (response) => void response.destroy();
  }

  /** Answers whom it let hang. */
  release(): void {
    for (const response of this.#held.splice(0)) this.#mood(response);
  }

  /** Resolves when so many requests have come in all. */
  arrived(count: number): Promise<void> {
    if (this.requests >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  #answer(response: ServerResponse): void {
    this.requests += 1;
    this.#mood(response);
    for (const { count, resolve } of this.#waiting) if (this.requests >= count) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
