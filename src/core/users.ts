// Sign-in, watchlists and termination of users (websocket.md §10).
import { z } from 'zod';
import { isUserId } from '../protocol/channel-name.ts';
import type { ClientMessage } from '../protocol/client-message.ts';
import { signinInvalidId, signinRefused, signinWithoutId, watchlistTooLong } from '../protocol/errors.ts';
import { readJson, writeJson } from '../protocol/json.ts';
import { USER_ID_LENGTH, WATCHLIST_LENGTH } from '../protocol/limits.ts';
import { error, signinSuccess, type WatchlistEvent, watchlistEvents } from '../protocol/server-message.ts';
import { userText } from '../protocol/signature.ts';
import type { App } from './app.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { isSignedBy } from './key-pairs.ts';
import type { Announcement, Topic } from './ports.ts';
import { Subscription } from './subscription.ts';
import { userTopic, watchersTopic } from './topics.ts';

type SigninMessage = Extract<ClientMessage, { type: 'signin' }>;

const userData = z.object({
  id: z.string().min(1),
  user_info: z.unknown().optional(),
  /** What cannot be a user's id is nobody's, and is left out. */
  watchlist: z
    .array(z.unknown())
    .transform((ids) =>
      ids.flatMap((id) => (typeof id === 'number' ? [String(id)] : typeof id === 'string' ? [id] : [])),
    )
    .transform((ids) => ids.filter(isValidId))
    .optional()
    .catch(undefined),
});

function isValidId(id: string): boolean {
  return id.length <= USER_ID_LENGTH && isUserId(id);
}

/**
 * Signs the connection in; the same user again is acknowledged again.
 * @throws ProtocolError 4009, fatal: a wrong signature, no usable id, or another user than before.
 */
export async function signIn(context: Context, connection: Connection, message: SigninMessage): Promise<void> {
  const { app, socketId } = connection;
  const text = userText(socketId, message.userData);
  if (!isSignedBy(app, message.auth, text, Date.now())) throw signinRefused();
  const parsed = userData.safeParse(readJson(message.userData));
  if (!parsed.success) throw signinWithoutId();
  const { id, user_info, watchlist } = parsed.data;
  if (!isValidId(id)) throw signinInvalidId();
  if (connection.user !== undefined) {
    if (connection.user.id !== id) throw signinRefused();
    connection.send(signinSuccess(message.userData));
    return;
  }
  await listenAsUser(context, connection, id);
  await context.tracker.signIn(app.id, id, socketId, watchersAnnouncement(app, 'online', id));
  connection.user = { id, info: writeJson(user_info ?? null) ?? 'null' };
  connection.authorized = true;
  connection.send(signinSuccess(message.userData));
  if (app.watchlists && watchlist !== undefined) await watch(context, connection, watchlist);
}

function watchersAnnouncement(app: App, name: WatchlistEvent['name'], userId: string): Announcement {
  return { topic: watchersTopic(app.id, userId), frame: watchlistEvents([{ name, user_ids: [userId] }]) };
}

/** Listens first and asks then: a change in between waits, held, behind the state it changes. */
async function watch(context: Context, connection: Connection, watchlist: readonly string[]): Promise<void> {
  const distinct = [...new Set(watchlist)];
  const watched = distinct.slice(0, WATCHLIST_LENGTH);
  if (distinct.length > watched.length) {
    const { code, message } = watchlistTooLong(watched);
    connection.send(error(code, message));
  }
  if (watched.length === 0) return;
  const { app } = connection;
  const subscriptions = await Promise.all(watched.map((id) => listen(context, connection, watchersTopic(app.id, id))));
  const online = await context.tracker.online(app.id, watched);
  const events: WatchlistEvent[] = [
    { name: 'online', user_ids: watched.filter((id) => online.has(id)) },
    { name: 'offline', user_ids: watched.filter((id) => !online.has(id)) },
  ];
  connection.send(watchlistEvents(events.filter(({ user_ids }) => user_ids.length > 0)));
  for (const subscription of subscriptions) subscription.release();
}

/** Makes the connection one of the user's, which termination and the removal from a channel reach. */
export async function listenAsUser(context: Context, connection: Connection, userId: string): Promise<void> {
  await listen(context, connection, userTopic(connection.app.id, userId), userId);
}

/** Undoes `listenAsUser` unless the connection is still this user's by sign-in or on another channel. */
export function forgetUser(context: Context, connection: Connection, userId: string): void {
  if (connection.user?.id === userId) return;
  for (const subscription of connection.subscriptions.values()) if (subscription.userId === userId) return;
  unlisten(context, connection, userTopic(connection.app.id, userId));
}

/** What a closed connection was beside its channels: a signed-in user, a watcher. */
export async function signOut(context: Context, connection: Connection): Promise<void> {
  for (const topic of [...(connection.otherTopics?.keys() ?? [])]) unlisten(context, connection, topic);
  const { app, user, socketId } = connection;
  if (user === undefined) return;
  connection.user = undefined;
  await context.tracker.signOut(app.id, user.id, socketId, watchersAnnouncement(app, 'offline', user.id));
}

/** Closes every connection of the user in the cluster, by sign-in or by a grant, with 4009 (websocket.md §10.4). */
export async function terminateUser(context: Context, app: App, userId: string): Promise<void> {
  await context.broker.publish(userTopic(app.id, userId), { type: 'terminate' });
}

async function listen(context: Context, connection: Connection, topic: Topic, userId?: string): Promise<Subscription> {
  connection.otherTopics ??= new Map();
  const existing = connection.otherTopics.get(topic);
  if (existing !== undefined) return existing;
  const subscription = new Subscription(connection, { userId });
  connection.otherTopics.set(topic, subscription);
  try {
    await context.hub.add(topic, subscription);
    return subscription;
  } catch (err) {
    unlisten(context, connection, topic);
    throw err;
  }
}

function unlisten(context: Context, connection: Connection, topic: Topic): void {
  const subscription = connection.otherTopics?.get(topic);
  if (subscription === undefined) return;
  connection.otherTopics?.delete(topic);
  context.hub.remove(topic, subscription);
}
