// Decides who may join what: finds out who asks, from a token or from the application, applies the app's rules, and
// signs the grant. Whatever is in doubt is refused.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { App } from '../core/app.ts';
import type { AppAuth, Rule } from '../core/app-auth.ts';
import type { Authorizer, Caller, ChannelGrant, UserGrant } from '../core/authorization.ts';
import { channelKind } from '../protocol/channel-name.ts';
import { RequestError } from '../protocol/errors.ts';
import { BearerTokens } from './bearer.ts';
import { type Claims, earlier, type KnownUser, userOf } from './claims.ts';
import { grantChannel, grantUser } from './grants.ts';
import { refusals } from './refusals.ts';
import { decide, fitsName } from './rules.ts';
import { Upstream } from './upstream.ts';

/** What must be known of the cluster. */
export interface Cluster {
  /** The app of a connection of this node; undefined for a socket that is elsewhere, or nowhere. */
  appIdOf(socketId: string): string | undefined;
  /** How long the user may not join the channel; 0: they may. */
  deniedSeconds(app: App, channel: string, userId: string): Promise<number>;
}

/** What the `auth` of an app comes to. */
interface Sources {
  readonly auth: AppAuth;
  readonly bearer: BearerTokens | undefined;
  readonly upstream: Upstream | undefined;
}

interface Asked {
  readonly caller: Caller;
  readonly socketId: string;
  /** undefined: a sign-in. */
  readonly channel: string | undefined;
}

/** Who asks, and by which source that is known. */
interface Identity {
  readonly source: 'bearer' | 'upstream';
  readonly claims: Claims;
  readonly user: KnownUser;
  /** Unix seconds from which the user is not known any more. */
  readonly expiresAt: number | undefined;
}

export class AppAuthorizer implements Authorizer {
  readonly #cluster: Cluster;
  readonly #log: Logger;
  readonly #sources = new Map<string, Sources>();

  constructor(cluster: Cluster, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Aborts what is asked of others. Safe to call twice. */
  stop(): void {
    for (const appId of [...this.#sources.keys()]) this.#forget(appId);
  }

  /** Of apps that are gone, or without `auth` now, nothing is kept. */
  readonly appsChanged = (changed: ReadonlyMap<string, App | undefined>): void => {
    for (const [appId, app] of changed) if (app?.auth === undefined) this.#forget(appId);
  };

  #forget(appId: string): void {
    const known = this.#sources.get(appId);
    this.#sources.delete(appId);
    known?.bearer?.stop();
    known?.upstream?.stop();
  }

  authorizeChannel(app: App, caller: Caller, socketId: string, channel: string): Promise<ChannelGrant> {
    return this.#explained(app, { socketId, channel }, async () => {
      this.#checkSocket(app, socketId);
      if (!channelKind(channel).guarded) throw refusals.unguarded(channel);
      const { user, expiresAt } = await this.#admit(app, { caller, socketId, channel }, channel);
      if (user.id !== undefined) {
        const seconds = await this.#cluster.deniedSeconds(app, channel, user.id);
        if (seconds > 0) throw refusals.denied(channel, seconds);
      }
      return grantChannel(app, socketId, channel, { user, expiresAt });
    });
  }

  authenticateUser(app: App, caller: Caller, socketId: string): Promise<UserGrant> {
    return this.#explained(app, { socketId }, async () => {
      this.#checkSocket(app, socketId);
      const { user } = await identify(this.#sourcesOf(app), { caller, socketId, channel: undefined });
      return grantUser(app, socketId, user);
    });
  }

  /** The user, with what the application adds where the rule wants it asked. */
  async #admit(app: App, asked: Asked, channel: string): Promise<Identity> {
    const sources = this.#sourcesOf(app);
    const { auth, upstream } = sources;
    const identity = await identify(sources, asked);
    const decision = decide(auth.rules, channel, identity.claims);
    const rule = decision.rule === undefined ? undefined : auth.rules[decision.rule];
    this.#log.debug({ appId: app.id, channel, rule: rule?.channel, because: decision.because }, 'a rule decided');
    if (rule === undefined) throw refusals.noRule(channel);
    if (decision.allow === undefined) throw refusals.notCovered(channel);
    if (identity.source === 'upstream') return identity;
    const admitted = decision.allow === 'upstream' ? await confirm(upstream, asked, channel, identity) : identity;
    if (admitted.user.id === undefined) checkUnnamed(auth, rule);
    checkEnd(auth, admitted);
    return admitted;
  }

  /** A grant for a socket of another app would be worth nothing there: somebody mixed up the apps. */
  #checkSocket(app: App, socketId: string): void {
    const appId = this.#cluster.appIdOf(socketId);
    if (appId !== undefined && appId !== app.id) throw refusals.otherApp(socketId);
  }

  #sourcesOf(app: App): Sources {
    const known = this.#sources.get(app.id);
    const { auth } = app;
    if (auth === undefined) throw new Error(`app ${app.id} has no auth`);
    // What was fetched and learned is kept when something else of the app is changed.
    if (known !== undefined && (known.auth === auth || isDeepStrictEqual(known.auth, auth))) return known;
    this.#forget(app.id);
    const bearer = auth.bearer && new BearerTokens(auth.bearer, this.#log);
    const upstream = auth.upstream && new Upstream(auth.upstream, this.#log);
    const sources = { auth, bearer, upstream };
    this.#sources.set(app.id, sources);
    return sources;
  }

  /** The reason of every refusal is in the log as well. */
  async #explained<T>(app: App, asked: { socketId: string; channel?: string }, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (err) {
      if (err instanceof RequestError) {
        const { status, message: reason } = err;
        const what = asked.channel === undefined ? 'a sign-in was refused' : 'a channel was refused';
        this.#log.info({ appId: app.id, ...asked, status, reason }, what);
      }
      throw err;
    }
  }
}

/** The user a token names, as the application completes it. */
async function confirm(
  upstream: Upstream | undefined,
  { caller, socketId }: Asked,
  channel: string,
  identity: Identity,
): Promise<Identity> {
  if (upstream === undefined) throw refusals.notCovered(channel);
  const { userId, userInfo, expiresAt } = await upstream.ask(caller, socketId, channel);
  const { id = userId, info, watchlist } = identity.user;
  if (userId !== undefined && userId !== id) throw refusals.otherUser();
  return {
    ...identity,
    user: { id, info: userInfo ?? info, watchlist },
    expiresAt: earlier(identity.expiresAt, expiresAt),
  };
}

/** A token without a user is no known user, and a grant that names nobody could not be revoked. */
function checkUnnamed({ bearer, grants }: AppAuth, rule: Rule): void {
  if (rule.allow === 'authenticated' || grants !== 'plain') throw refusals.unnamed(bearer?.userId ?? 'sub');
}

/** The tolerance for clocks ends here: a grant whose end is past would be taken back at once, and asked for again. */
function checkEnd({ grants }: AppAuth, { expiresAt = Number.POSITIVE_INFINITY }: Identity): void {
  if (grants === 'expiring' && expiresAt <= Date.now() / 1000) throw refusals.expired();
}

/**
 * The first source that recognises the user decides; one that does not passes on to the next.
 * @throws RequestError 401, 403 or 503
 */
async function identify(sources: Sources, asked: Asked): Promise<Identity> {
  let unrecognised = refusals.noToken();
  for (const source of sources.auth.order) {
    const answer = await (source === 'bearer' ? askBearer(sources, asked) : askUpstream(sources, asked));
    if (answer instanceof RequestError) unrecognised = answer;
    else if (answer !== undefined) return answer;
  }
  throw unrecognised;
}

/** @returns undefined where the source is not configured, the error of one that does not recognise the user */
type Answer = Identity | RequestError | undefined;

async function askBearer({ bearer, auth }: Sources, { caller }: Asked): Promise<Answer> {
  if (bearer === undefined || auth.bearer === undefined) return undefined;
  const answer = await bearer.claimsOf(caller);
  if (!('claims' in answer)) return answer.unrecognised;
  const { claims } = answer;
  return { source: 'bearer', claims, user: userOf(claims, auth.bearer), expiresAt: expiryOf(claims) };
}

async function askUpstream({ upstream, auth }: Sources, { caller, socketId, channel }: Asked): Promise<Answer> {
  if (upstream === undefined) return undefined;
  // Whatever the application says: it need not be asked.
  if (channel !== undefined && !auth.rules.some((rule) => fitsName(rule, channel))) throw refusals.noRule(channel);
  try {
    const answer = await upstream.ask(caller, socketId, channel);
    const { claims, userId: id, userInfo: info, watchlist, expiresAt } = answer;
    return { source: 'upstream', claims, user: { id, info, watchlist }, expiresAt };
  } catch (err) {
    if (err instanceof RequestError && err.status === 401) return err;
    throw err;
  }
}

/** Only a number is a time; tokens with another exp were refused before. */
function expiryOf({ exp }: Claims): number | undefined {
  return typeof exp === 'number' && Number.isFinite(exp) ? Math.floor(exp) : undefined;
}
