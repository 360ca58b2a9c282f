// Who may connect: the checks before a socket becomes a connection, in the order of websocket.md §3.2.
import { type Ending, endings } from '../protocol/errors.ts';
import type { App } from './app.ts';

/** What a client's request to connect says. */
export interface Handshake {
  /** The app of the key in the path; undefined when there is none. */
  readonly app: App | undefined;
  /** The `protocol` parameter as sent. */
  readonly protocol: string | undefined;
  /** The Origin header: browsers send it, other clients rarely do. */
  readonly origin: string | undefined;
}

const OLDEST_PROTOCOL = 4;
const NEWEST_PROTOCOL = 7;

/** @returns why the socket is refused, or undefined. Quotas are not checked here. */
export function refusal({ app, protocol, origin }: Handshake): Ending | undefined {
  if (app === undefined) return endings.unknownApp;
  if (!app.enabled) return endings.disabledApp;
  const unsupported = refusedProtocol(protocol, app.strict);
  if (unsupported !== undefined) return unsupported;
  if (origin !== undefined && !isAllowedOrigin(origin, app.allowedOrigins)) return endings.origin;
  return undefined;
}

/** A client that does not name its protocol is taken to speak 7, unless the app is strict (websocket.md §1.1). */
function refusedProtocol(protocol: string | undefined, strict: boolean): Ending | undefined {
  if (protocol === undefined || protocol === '') return strict ? endings.protocolMissing : undefined;
  if (!/^\d+$/.test(protocol)) return endings.protocolMalformed;
  const supported = Number(protocol) >= OLDEST_PROTOCOL && Number(protocol) <= NEWEST_PROTOCOL;
  return supported ? undefined : endings.protocolUnsupported;
}

/** Patterns: `*`, a host, `*.host` for its subdomains, or a whole origin with scheme and port. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  if (allowed.includes('*')) return true;
  const { hostname } = URL.canParse(origin) ? new URL(origin) : { hostname: origin };
  return allowed.some((pattern) => {
    if (pattern.includes('://')) return pattern.toLowerCase() === origin.toLowerCase();
    if (pattern.startsWith('*.')) return hostname.endsWith(pattern.slice(1).toLowerCase());
    return hostname === pattern.toLowerCase();
  });
}
