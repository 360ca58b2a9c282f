// What a worker asks, done with the primary's memory set; what the worker then holds and listens to is written down.
import type { Adapters } from '../../core/ports.ts';
import type { Announcer } from './announcer.ts';
import type { Claim } from './claim.ts';
import type { Departures, Heir } from './departures.ts';
import type { Held } from './held.ts';
import type { Listener, Listeners } from './listeners.ts';
import type { Requests } from './messages.ts';

/** What all workers share. */
export interface Shared extends Adapters {
  readonly announcer: Announcer;
  readonly listeners: Listeners;
  readonly departures: Departures;
  readonly claim: Claim;
}

export function requestsOf(shared: Shared, worker: Listener & Heir, held: Held): Requests {
  return { ...messaging(shared, worker), ...changes(shared, held), ...questions(shared), ...queue(shared, worker) };
}

function messaging({ broker, listeners, departures }: Shared, worker: Listener & Heir) {
  return {
    subscribe: (topic) => listeners.add(topic, worker),
    unsubscribe: async (topic) => listeners.remove(topic, worker),
    publish: (topic, message) => broker.publish(topic, message),
    takeDepartures: async (willing) => (willing ? departures.add(worker) : departures.remove(worker)),
  } satisfies Partial<Requests>;
}

function changes({ tracker, announcer }: Shared, held: Held) {
  return {
    connect: async (appId, socketId, limit) => {
      const answer = await tracker.connect(appId, socketId, limit);
      if (answer.admitted) held.add({ type: 'connection', appId, socketId });
      return answer;
    },
    disconnect: (appId, socketId) => {
      held.remove({ type: 'connection', appId, socketId });
      return tracker.disconnect(appId, socketId);
    },
    join: async (change) => {
      const { appId, channel, socketId, presence } = change;
      const joined = await tracker.join(change);
      if (joined.refused !== undefined) return joined;
      held.add({ type: 'subscription', appId, channel, socketId, member: presence?.member });
      return presence === undefined ? joined : { ...joined, change: announcer.lastChange };
    },
    leave: (change) => {
      const { appId, channel, socketId } = change;
      held.remove({ type: 'subscription', appId, channel, socketId, member: undefined });
      return tracker.leave(change);
    },
    signIn: async (appId, userId, socketId, announce) => {
      await tracker.signIn(appId, userId, socketId, announce);
      held.add({ type: 'sign-in', appId, userId, socketId });
    },
    signOut: (appId, userId, socketId, announce) => {
      held.remove({ type: 'sign-in', appId, userId, socketId });
      return tracker.signOut(appId, userId, socketId, announce);
    },
    deny: (appId, channel, userId, seconds) => tracker.deny(appId, channel, userId, seconds),
  } satisfies Partial<Requests>;
}

function questions({ tracker, eventCache, rateLimiter, nodeRegistry, requestLog }: Shared) {
  return {
    isConnected: (appId, socketId) => tracker.isConnected(appId, socketId),
    connections: (appId, count, cursor) => tracker.connections(appId, count, cursor),
    reportNode: (node) => nodeRegistry.report(node),
    forgetNode: (nodeId) => nodeRegistry.forget(nodeId),
    listNodes: () => nodeRegistry.list(),
    beginRequest: (appId, key, digest) => requestLog.begin(appId, key, digest),
    finishRequest: (appId, key, claimed, answer) => requestLog.finish(appId, key, claimed, answer),
    forgetRequest: (appId, key, claim) => requestLog.forget(appId, key, claim),
    connectionCount: (appId) => tracker.connectionCount(appId),
    deniedSeconds: (appId, channel, userId) => tracker.deniedSeconds(appId, channel, userId),
    counts: (appId, channels) => tracker.counts(appId, channels),
    members: (appId, channel) => tracker.members(appId, channel),
    list: (appId, prefix) => tracker.list(appId, prefix),
    listCounted: (appId, prefix) => tracker.listCounted(appId, prefix),
    online: (appId, userIds) => tracker.online(appId, userIds),
    set: (appId, channel, event, ttlSeconds) => eventCache.set(appId, channel, event, ttlSeconds),
    get: (appId, channel) => eventCache.get(appId, channel),
    take: (key, amount, limit) => rateLimiter.take(key, amount, limit),
  } satisfies Partial<Requests>;
}

function queue({ webhookQueue, claim }: Shared, worker: object) {
  return {
    'queue.add': (appId, events) => webhookQueue.add(appId, events),
    'queue.claim': async (leaseMs) => claim.take(worker, leaseMs),
    'queue.release': async () => claim.release(worker),
    // A worker that was late is given nothing: the one that delivers would never hear of it.
    'queue.read': async (which, count, after) =>
      claim.isOf(worker) ? await webhookQueue.read(which, count, after) : [],
    // The same, without saying that there is no more: it would take what is there for gone.
    'queue.reread': async (appId, count, after) =>
      claim.isOf(worker) ? await webhookQueue.reread(appId, count, after) : { entries: [], full: true },
    'queue.remove': (appId, entryIds) => webhookQueue.remove(appId, entryIds),
    'queue.bury': (appId, letters) => webhookQueue.bury(appId, letters),
    'queue.deadLetters': (appId, count, before) => webhookQueue.deadLetters(appId, count, before),
    'queue.revive': (appId, letterIds, endpoints) => webhookQueue.revive(appId, letterIds, endpoints),
    'queue.forget': (appId) => webhookQueue.forget(appId),
    'queue.record': (appId, deliveries) => webhookQueue.record(appId, deliveries),
    'queue.deliveries': (appId) => webhookQueue.deliveries(appId),
    'queue.sizes': (appId) => webhookQueue.sizes(appId),
  } satisfies Partial<Requests>;
}
