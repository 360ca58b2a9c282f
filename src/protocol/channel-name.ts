// Kinds of channel by name prefix, and which names are allowed. Source: websocket.md §4.1, limits.md §1.

export interface ChannelKind {
  /** A join must be signed. */
  readonly guarded: boolean;
  readonly presence: boolean;
  /** The last published event is kept and replayed to new subscribers. */
  readonly cache: boolean;
  /** Clients may send client-* events here. */
  readonly clientEvents: boolean;
}

const PUBLIC: ChannelKind = { guarded: false, presence: false, cache: false, clientEvents: false };
const PRIVATE: ChannelKind = { guarded: true, presence: false, cache: false, clientEvents: true };
const PRESENCE: ChannelKind = { guarded: true, presence: true, cache: false, clientEvents: true };
const CACHE: ChannelKind = { ...PUBLIC, cache: true };
const PRIVATE_CACHE: ChannelKind = { ...PRIVATE, cache: true };
const PRESENCE_CACHE: ChannelKind = { ...PRESENCE, cache: true };

/** Prefixes, longest first where one contains another; encrypted channels differ for clients only. */
const KINDS: readonly (readonly [prefix: string, kind: ChannelKind])[] = [
  ['private-encrypted-cache-', PRIVATE_CACHE],
  ['private-cache-', PRIVATE_CACHE],
  ['private-', PRIVATE],
  ['presence-cache-', PRESENCE_CACHE],
  ['presence-', PRESENCE],
  ['cache-', CACHE],
];

/** Case-sensitive, the dash required: `privateer` is a public channel. */
export function channelKind(name: string): ChannelKind {
  for (const [prefix, kind] of KINDS) if (name.startsWith(prefix)) return kind;
  return PUBLIC;
}

/** Whether clients encrypt what is sent here with a secret that joiners are handed (auth.md §3.2). */
export function isEncrypted(name: string): boolean {
  return name.startsWith('private-encrypted-');
}

const SERVER_TO_USER = '#server-to-user-';
const ALLOWED = /^[A-Za-z0-9_\-=@,.;]+$/;
const PRINTABLE = /^[^\p{Cc}\p{Cs}\p{Cn}]+$/u;

/** The user whose own channel this is (`#server-to-user-{id}`), or undefined for every other channel. */
export function serverToUserId(name: string): string | undefined {
  return name.startsWith(SERVER_TO_USER) ? name.slice(SERVER_TO_USER.length) : undefined;
}

/**
 * Whether the characters are allowed; length is the app's to limit. A leading `#` is reserved for server-to-user
 * channels. With `anyCharacter`, every printable character is allowed elsewhere (Laravel Reverb's rule).
 */
export function isChannelName(name: string, anyCharacter: boolean): boolean {
  if (name.startsWith('#')) return ALLOWED.test(serverToUserId(name) ?? '');
  return anyCharacter ? PRINTABLE.test(name) : ALLOWED.test(name);
}

/** Ids of signed-in users share the channel names' characters (auth.md §3.1). */
export function isUserId(id: string): boolean {
  return ALLOWED.test(id);
}
