// Whether a user with certain claims may join a channel: which rule decides, why, and what would be signed.
import { type Claims, userOf } from '../auth/claims.ts';
import { decide } from '../auth/rules.ts';
import type { Config } from '../config/schema.ts';
import { channelKind, isChannelName, isEncrypted } from '../protocol/channel-name.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { USER_ID_LENGTH } from '../protocol/limits.ts';
import type { Auth, Bearer } from './explain-auth.ts';

export type AppWithAuth = Config['apps'][number] & { readonly auth: Auth };

export interface Answer {
  readonly verdict: 'allowed' | 'refused' | 'the application decides';
  /** Sentences. */
  readonly reasons: readonly string[];
}

const refused = (...reasons: string[]): Answer => ({ verdict: 'refused', reasons });

/** What the authorization endpoint would answer, as far as that is up to the configuration. */
export function explainJoin(app: AppWithAuth, channel: string, claims: Claims): Answer {
  const mistake = nameMistake(app, channel);
  if (mistake !== undefined) return refused(mistake);
  if (!channelKind(channel).guarded) {
    return { verdict: 'allowed', reasons: ['Everybody may join: only private- and presence- channels are guarded.'] };
  }
  const { allow, rule, because } = decide(app.auth.rules, channel, claims);
  if (rule === undefined) return refused('No rule fits its name.');
  const pattern = app.auth.rules[rule]?.channel ?? '';
  const { bearer } = app.auth;
  const isAsked = allow === 'upstream' || (allow !== undefined && bearer === undefined);
  const why = isAsked && !pattern.includes('{') ? 'your application is asked' : because;
  const decided = `Rule ${rule + 1}, ${pattern}, decides: ${why}.`;
  if (allow === undefined) return refused(decided, ...missedText(app, rule, channel, claims));
  if (isEncrypted(channel) && app.encryptionMasterKey === undefined) {
    return refused(decided, 'But encrypted channels are not configured: set encryptionMasterKey.');
  }
  if (isAsked || bearer === undefined) {
    const asked = 'What your application answers decides, and may name the user.';
    return { verdict: 'the application decides', reasons: [decided, asked] };
  }
  const { isPossible, text } = grantOf(app, bearer, channel, claims, app.auth.rules[rule]?.allow === 'authenticated');
  return { verdict: isPossible ? 'allowed' : 'refused', reasons: [decided, ...text] };
}

function nameMistake({ limits, anyChannelName }: AppWithAuth, channel: string): string | undefined {
  const { channelNameLength } = limits;
  if (hasMoreCharacters(channel, channelNameLength)) return `A name has ${channelNameLength} characters at most.`;
  if (isChannelName(channel, anyChannelName) && !/^#|:/.test(channel)) return undefined;
  const allowed = anyChannelName ? 'printable characters but ":", and no "#" first' : 'A-Z a-z 0-9 _ - = @ , . and ;';
  return `That is no name of a channel: allowed are ${allowed}`;
}

/** For whoever wonders about a later rule. */
function missedText(app: AppWithAuth, rule: number, channel: string, claims: Claims): string[] {
  const later = decide(app.auth.rules.slice(rule + 1), channel, claims);
  return later.allow === undefined ? [] : [`Rule ${rule + 2 + later.rule} would allow it, but is not asked.`];
}

interface Grant {
  readonly isPossible: boolean;
  /** A sentence, where there is something to say. */
  readonly text: readonly string[];
}

/**
 * What is signed beside the socket's id and the channel.
 * @param mustBeNamed whether the rule is for known users
 */
function grantOf(app: AppWithAuth, bearer: Bearer, channel: string, claims: Claims, mustBeNamed: boolean): Grant {
  const impossible = (text: string): Grant => ({ isPossible: false, text: [text] });
  const { id, info = {} } = userOf(claims, bearer);
  if (id !== undefined && hasMoreCharacters(id, USER_ID_LENGTH)) {
    return impossible(`But the user’s id, the claim ${bearer.userId}, has more than ${USER_ID_LENGTH} characters.`);
  }
  const { grants } = app.auth;
  const end = grants === 'expiring' && typeof claims.exp === 'number' ? ', and ends with the token' : '';
  const user = `user_id ${JSON.stringify(id)}`;
  const { presence } = channelKind(channel);
  if (id === undefined && (presence || mustBeNamed || grants !== 'plain')) {
    return impossible(`But it lacks a user: there is no usable claim ${bearer.userId}.`);
  }
  if (!presence) {
    return { isPossible: true, text: grants === 'plain' ? [] : [`The grant names ${user}${end}.`] };
  }
  const text = JSON.stringify(info);
  if (Buffer.byteLength(text) > app.limits.memberInfoBytes) {
    return impossible(`But user_info is larger than ${app.limits.memberInfoBytes} bytes (limits.memberInfoBytes).`);
  }
  return { isPossible: true, text: [`The grant names ${user} with user_info ${text}${end}.`] };
}
