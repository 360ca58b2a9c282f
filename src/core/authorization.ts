// What an authorization endpoint is asked and answers (auth.md §3): the contract between http/, which speaks to clients,
// and auth/, which knows users. Types only.
import type { App } from './app.ts';

/** Who sends a request to an authorization endpoint, as far as HTTP says it. */
export interface Caller {
  /** By lower-case name, as Node has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The IP address of the peer. */
  readonly address: string;
  /** `json` or `form`: how the body came, and its fields beside socket_id and channel_name, which may be any JSON. */
  readonly encoding: 'form' | 'json';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a client forwards in `pusher:subscribe`; `shared_secret` it keeps (auth.md §3.2). */
export interface ChannelGrant {
  readonly auth: string;
  readonly channel_data?: string;
  readonly shared_secret?: string;
}

/** What a client forwards in `pusher:signin`. */
export interface UserGrant {
  readonly auth: string;
  readonly user_data: string;
}

export interface Authorizer {
  /** @throws RequestError 401 unknown user, 403 refused, 503 cannot be decided now; each with a reason for people. */
  authorizeChannel(app: App, caller: Caller, socketId: string, channel: string): Promise<ChannelGrant>;
  /** @throws RequestError as above. */
  authenticateUser(app: App, caller: Caller, socketId: string): Promise<UserGrant>;
}
