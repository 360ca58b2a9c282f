// An endpoint of the admin API: what it takes and answers as schemas, which check requests and make the OpenAPI
// document, and what it does.
import { z } from 'zod';
import type { App } from '../../core/app.ts';

/** A request, as far as it was checked. */
export interface Asked<Query, Body> {
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The bytes of the body. */
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Of {appId} in the path. */
  readonly app: App;
}

export interface Answer {
  readonly answer: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Endpoint<Query = unknown, Body = unknown> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below /admin/v1, with {parameters}; {appId} is an app that must be there. */
  readonly path: string;
  /** For people, in a sentence. */
  readonly summary: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: z.ZodType<Query>;
  /** A JSON object. */
  readonly body?: z.ZodType<Body>;
  /** The body may be left out. */
  readonly bodyIsOptional?: boolean;
  readonly answers: z.ZodType;
  /** 200 unless given. */
  readonly status?: 201;
  /** Beside 400, 401 and 503: what else is refused, and when. */
  readonly refuses?: Readonly<Record<number, string>>;
  /** Takes an Idempotency-Key. */
  readonly once?: boolean;
  handle(asked: Asked<Query, Body>): Promise<Answer>;
}

/** Keeps the types of one endpoint together. */
export function endpoint<Query = unknown, Body = unknown>(given: Endpoint<Query, Body>): Endpoint {
  return given as Endpoint;
}

export const nothing = z.strictObject({}).describe('Nothing.');

/** A whole number in a query. */
export function countIn(least: number, most: number, fallback: number, text: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, `expected a whole number from ${least} to ${most}`)
    .transform(Number)
    .pipe(z.int().min(least).max(most))
    .default(fallback)
    .describe(text);
}
