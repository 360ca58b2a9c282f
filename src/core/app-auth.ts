// How an app's own authorization endpoint knows its users and decides on channels: settings of src/auth/. The schema is
// the type, the defaults and the checks in one, as in app.ts.
import { z } from 'zod';
import { tokenAlgorithms } from './token-key.ts';

const text = (description: string) => z.string().min(1, 'must not be empty').describe(description);
/** Timers of Node take 25 days for one millisecond. */
const WEEK_SECONDS = 604_800;
const seconds = (fallback: number, description: string, { least = 1, most = WEEK_SECONDS } = {}) =>
  z.int().min(least).max(most).default(fallback).describe(description);
const count = (fallback: number, description: string) => z.int().min(1).default(fallback).describe(description);
const httpUrl = (description: string) =>
  z
    .string()
    .refine(isHttpUrl, 'must be an http:// or https:// URL without user name and password')
    .describe(description);

/** An HMAC key is at least as long as its hash (RFC 7518 §3.2). */
const SECRET_BYTES = 32;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

const bearerSchema = z
  .strictObject({
    secret: z
      .string()
      .refine((secret) => Buffer.byteLength(secret) >= SECRET_BYTES, `must have ${SECRET_BYTES} bytes or more`)
      .refine((secret) => !secret.includes('-----BEGIN '), 'is a PEM key: put it under publicKey')
      .optional()
      .describe('What your application signs tokens with (HS256), 32 bytes or more. Or give a public key below.'),
    publicKey: text('Public key in PEM of tokens signed with RS, PS, ES or EdDSA.')
      .overwrite((pem) => pem.replaceAll('\\n', '\n'))
      .optional(),
    publicKeyFile: text('PEM file with the public key, in place of publicKey.').optional(),
    jwksUrl: httpUrl(
      'Address of a JSON Web Key Set (Auth0, Keycloak, Firebase, …): keys are fetched and rotated.',
    ).optional(),
    jwksTimeoutSeconds: seconds(5, 'Longest time a fetch of the key set may take.', { most: 300 }),
    jwksMaxAgeSeconds: seconds(86_400, 'How long the last good keys are used while the key set cannot be fetched.', {
      most: Number.MAX_SAFE_INTEGER,
    }),
    algorithms: z
      .array(z.enum(tokenAlgorithms))
      .default([])
      .describe('Algorithms taken, of those that fit the key. Empty: HS256 with a secret, else all that fit.'),
    issuer: text('What the iss claim must be.').optional(),
    audience: z.array(z.string().min(1)).default([]).describe('Values of which the aud claim must have one.'),
    clockToleranceSeconds: seconds(10, 'How far clocks may differ when exp, nbf and iat are checked.', { least: 0 }),
    requireExpiry: z.boolean().default(true).describe('Whether a token without exp is refused.'),
    cookie: z
      .string()
      .regex(HEADER_NAME, 'must be the name of a cookie')
      .optional()
      .describe('A cookie that holds the token where there is no Authorization header.'),
    userId: text('Claim that is the user’s id.').default('sub'),
    userInfo: z
      .record(z.string(), z.string().min(1))
      .default({})
      .describe('What others see of a user on presence channels: name in user_info → claim.'),
    watchlist: text('Claim with the ids of users to watch, for sign-ins.').optional(),
  })
  .check(z.superRefine(requireOneKey, { when: () => true }))
  .optional()
  .describe('Users have a JSON Web Token of your application, in the Authorization header or a cookie.');

const upstreamSchema = z
  .strictObject({
    url: httpUrl('Your application’s own channel authorization endpoint: 2xx allows, 4xx refuses.'),
    userUrl: httpUrl(
      'Your application’s own endpoint for sign-ins. Without it nobody signs in through upstream.',
    ).optional(),
    headers: z
      .array(z.string().regex(HEADER_NAME, 'must be the name of a header'))
      .default([])
      .describe('Headers to forward beside Cookie, Authorization, Origin, Referer and the CSRF headers.'),
    timeoutSeconds: seconds(5, 'Longest time an answer may take; then 503.', { most: 300 }),
    concurrency: count(50, 'Requests to your application at a time, per server; others wait.'),
    breakAfterFailures: count(10, 'Failures in a row (5xx, time-outs) after which it is left alone for a while.'),
    breakSeconds: seconds(5, 'How long it is left alone; then one request tries.'),
  })
  .optional()
  .describe('Your application is asked, with the cookies and headers of the request.');

const GUARDED_OR_ANY = /^(private-|presence-|\*)/;
const PATTERN = /^(?:[^{}]|\{[^{}]+\})+$/;

const ruleSchema = z
  .strictObject({
    channel: z
      .string()
      .regex(PATTERN, 'must be a channel name with {claim} and * in it, each brace closed')
      .regex(GUARDED_OR_ANY, 'must start with private-, presence- or *: other channels need no authorization')
      .describe('Channel names: {claim} is a value of that claim, * is any text.'),
    allow: z
      .enum(['authenticated', 'upstream'])
      .optional()
      .describe('authenticated: every known user. upstream: whom your application allows. Needed without a {claim}.'),
  })
  .refine(({ channel, allow }) => allow !== undefined || channel.includes('{'), {
    path: ['allow'],
    error: 'must be authenticated or upstream, as the channel has no {claim} to compare',
  });

/** The `auth` of an app: without it the authorization endpoint does not know the app. */
export const appAuthSchema = z
  .strictObject({
    order: z
      .array(z.enum(['bearer', 'upstream']))
      .min(1)
      .default(['bearer', 'upstream'])
      .describe('Who is asked first who the user is, of those that are configured.'),
    bearer: bearerSchema,
    upstream: upstreamSchema,
    rules: z
      .array(ruleSchema)
      .default([])
      .describe('Who may join what: the first rule that fits the channel’s name decides; no rule, no entry.'),
    grants: z
      .enum(['plain', 'named', 'expiring'])
      .default('plain')
      .describe(
        'named: the user’s id is part of every grant, also on private channels. expiring: and the token’s exp.',
      ),
  })
  .check(z.superRefine(requireSources, { when: () => true }))
  .optional()
  .describe('Answer /broadcasting/auth for this app.');

export type AppAuth = Readonly<NonNullable<z.infer<typeof appAuthSchema>>>;
export type BearerSettings = Readonly<NonNullable<AppAuth['bearer']>>;
export type UpstreamSettings = Readonly<NonNullable<AppAuth['upstream']>>;
export type Rule = Readonly<AppAuth['rules'][number]>;

const KEYS = ['secret', 'publicKey', 'publicKeyFile', 'jwksUrl'] as const;

function requireOneKey(bearer: unknown, context: z.RefinementCtx): void {
  if (!isRecord(bearer)) return;
  const given = KEYS.filter((key) => bearer[key] !== undefined);
  if (given.length === 1) return;
  const message =
    given.length === 0
      ? `needs one of ${KEYS.join(', ')}`
      : `takes one of ${KEYS.join(', ')}, not ${given.join(' and ')}`;
  context.addIssue({ code: 'custom', path: [], message });
}

function requireSources(auth: unknown, context: z.RefinementCtx): void {
  if (!isRecord(auth)) return;
  const { order, rules, upstream } = auth;
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  const configured = ['bearer', 'upstream'].filter((source) => auth[source] !== undefined);
  if (configured.length === 0) {
    refuse([], 'needs bearer or upstream, to know who is asking');
  } else if (Array.isArray(order) && order.length > 0 && !configured.some((source) => order.includes(source))) {
    refuse(['order'], `must name ${configured.join(' or ')}, else nobody is asked who the user is`);
  }
  if (upstream !== undefined || !Array.isArray(rules)) return;
  rules.forEach((rule: unknown, index) => {
    if (!isRecord(rule) || rule.allow !== 'upstream') return;
    refuse(['rules', index, 'allow'], 'upstream is not configured for this app');
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHttpUrl(url: string): boolean {
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) return false;
  const { username, password, hash } = new URL(url);
  return username + password + hash === '';
}
