// An app's own authorization endpoint in plain words: where it answers, who is asked who the user is, and the rules.
import { fitsName } from '../auth/rules.ts';
import type { Config } from '../config/schema.ts';
import { maskedUrl } from '../config/secrets.ts';

type App = Config['apps'][number];
export type Auth = NonNullable<App['auth']>;
type Rule = Auth['rules'][number];
export type Bearer = NonNullable<Auth['bearer']>;

/** For each app that has `auth`, a paragraph; nothing where none has. */
export function authLines(config: Config): string[] {
  const apps = config.apps.filter(({ auth }) => auth !== undefined);
  return apps.flatMap((app) =>
    app.auth === undefined ? [] : ['', ...appLines(config, app, app.auth, apps.length > 1)],
  );
}

/** What is accepted and dangerous, in a sentence each. */
export function authWarnings({ apps }: Config): string[] {
  return apps.flatMap(({ id, auth }) => {
    const text = auth?.bearer && openText(auth.bearer);
    return text === undefined ? [] : [`app ${id}, auth.bearer: ${text}`];
  });
}

/** Such providers sign for many applications with the same keys; Firebase for those of everybody. */
function openText({ jwksUrl, issuer, audience }: Bearer): string | undefined {
  const missing = [issuer === undefined ? ['issuer'] : [], audience.length === 0 ? ['audience'] : []].flat();
  if (jwksUrl === undefined || missing.length === 0) return undefined;
  return `without ${missing.join(' and ')}, tokens are taken that were made for other applications`;
}

/** @param several whether the app must be named in the path, by its key */
function appLines({ path: prefix, auth: paths }: Config, app: App, auth: Auth, several: boolean): string[] {
  const at = (paths: readonly string[]) => paths.map((path) => `${prefix}${path}${several ? `/${app.key}` : ''}`);
  const encrypted =
    app.encryptionMasterKey === undefined
      ? 'not configured: private-encrypted-… is refused until encryptionMasterKey is set'
      : 'configured';
  return [
    `App ${app.id} has an authorization endpoint of its own (auth).`,
    `  Channels:  POST ${at(paths.channelPaths).join(' or ')}`,
    `  Sign-ins:  POST ${at(paths.userPaths).join(' or ')}`,
    `  Encrypted channels:  ${encrypted}`,
    '  Users are known by, in this order:',
    ...sourceLines(auth).map((line) => `    ${line}`),
    '  The first rule that fits the channel’s name decides:',
    ...[...ruleLines(auth.rules), 'No rule: refused.'].map((line) => `    ${line}`),
  ];
}

function sourceLines(auth: Auth): string[] {
  const known = { bearer: auth.bearer && bearerLines(auth.bearer), upstream: auth.upstream && upstreamLines(auth) };
  const asked = [...new Set(auth.order)].flatMap((source) => (known[source] === undefined ? [] : [known[source]]));
  const numbered = asked.flatMap(([first, ...more], index) => [
    `${index + 1}. ${first}`,
    ...more.map((m) => `   ${m}`),
  ]);
  if (auth.bearer !== undefined && !auth.order.includes('bearer')) {
    numbered.push('Tokens are not looked at: order does not name bearer.');
  }
  if (auth.upstream !== undefined && !auth.order.includes('upstream')) {
    numbered.push('The application is asked only where a rule says upstream: order does not name it.');
  }
  return numbered;
}

function bearerLines(bearer: Bearer): string[] {
  const { cookie, issuer, audience, userId, userInfo } = bearer;
  const info = Object.entries(userInfo).map(([name, claim]) => (name === claim ? name : `${name} (claim ${claim})`));
  const warning = openText(bearer);
  return [
    `bearer: a JSON Web Token, ${keyText(bearer)}`,
    `in the Authorization header${cookie === undefined ? '' : `, or else the cookie ${cookie}`}`,
    ...(issuer === undefined ? [] : [`of the issuer ${issuer}`]),
    ...(audience.length === 0 ? [] : [`for the audience ${audience.join(' or ')}`]),
    ...(warning === undefined ? [] : [`Warning: ${warning}.`]),
    `user_id is the claim ${userId}; user_info has ${info.join(', ') || 'nothing'}`,
  ];
}

function keyText({ secret, publicKeyFile, jwksUrl, algorithms }: Bearer): string {
  const only = algorithms.length === 0 ? '' : ` (${algorithms.join(', ')})`;
  if (secret !== undefined) return `signed with a shared secret${only || ' (HS256)'}`;
  if (jwksUrl !== undefined) return `signed with a key${only} of the set at ${maskedUrl(jwksUrl)}`;
  return `signed with the private key${only} of ${publicKeyFile ?? 'publicKey'}`;
}

function upstreamLines({ upstream }: Auth): string[] {
  if (upstream === undefined) return [];
  const { url, userUrl } = upstream;
  const signIns =
    userUrl === undefined ? 'nobody signs in this way: there is no userUrl' : `sign-ins at ${maskedUrl(userUrl)}`;
  return [`upstream: your application at ${maskedUrl(url)}`, signIns];
}

function ruleLines(rules: readonly Rule[]): string[] {
  const width = Math.max(0, ...rules.map(({ channel }) => channel.length));
  const indent = `${rules.length}. `.length;
  return rules.flatMap((rule, index) => {
    const line = `${`${index + 1}.`.padEnd(indent)}${rule.channel.padEnd(width)}  ${whoText(rule)}`;
    const warning = deadText(rules.slice(0, index), rule.channel);
    return warning === undefined ? [line] : [line, `${' '.repeat(indent)}Warning: never decides, as ${warning}.`];
  });
}

function whoText({ channel, allow }: Rule): string {
  const claims = [...new Set([...channel.matchAll(/\{([^{}]+)\}/g)].map(([, claim = '']) => claim))];
  const isUpstream = allow === 'upstream';
  if (claims.length === 0) return isUpstream ? 'whom your application allows' : 'every known user';
  const who =
    claims.length === 1
      ? `users with the text of that place in the claim ${claims[0]}`
      : `users with the texts of those places in the claims ${claims.join(' and ')}`;
  return isUpstream ? `${who}, if your application allows them` : who;
}

/** A character no pattern has: what fits it in the place of a wildcard fits any text there. */
const ANY_TEXT = '\u{E000}';
/** Each * doubles the names to try; with more nothing is said. */
const MOST_STARS = 8;

/** Which earlier rules fit every name that the pattern fits; undefined where that is not certain. */
function deadText(earlier: readonly Rule[], pattern: string): string | undefined {
  const names = typicalNames(pattern);
  const first = names.map((name) => earlier.findIndex((rule) => fitsName(rule, name)) + 1);
  if (names.length === 0 || first.includes(0)) return undefined;
  const numbers = [...new Set(first)].sort((a, b) => a - b);
  return numbers.length === 1
    ? `rule ${numbers[0]} always fits first`
    : `rules ${numbers.join(' and ')} always fit first`;
}

/** Names that stand for all that the pattern fits: a {claim} is some text, a * some text or none. None: too many. */
function typicalNames(pattern: string): string[] {
  const [first = '', ...more] = pattern.replace(/\{[^{}]+\}/g, ANY_TEXT).split('*');
  if (more.length > MOST_STARS) return [];
  return more.reduce((names, text) => names.flatMap((name) => [name + text, name + ANY_TEXT + text]), [first]);
}
