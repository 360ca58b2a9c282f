// What a worker and its primary say to each other: calls with their answers, and what the primary passes on.
import type {
  Attempt,
  Broker,
  BrokerMessage,
  Claimed,
  Departure,
  EventCache,
  NodeRegistry,
  NodeReport,
  RateLimiter,
  Topic,
  Tracker,
} from '../../core/ports.ts';
import type { WebhookQueue } from '../../core/webhook-queue.ts';
import { RequestError } from '../../protocol/errors.ts';

type Own = 'start' | 'stop';

/** Named apart, as the tracker and the cache have short names of their own. */
type QueueRequests = {
  [M in Exclude<keyof WebhookQueue, Own> as `queue.${M}`]: WebhookQueue[M];
};

/** What a worker may ask of its primary: its adapters' methods, but for those that are its own business. */
export interface Requests
  extends Pick<Broker, 'subscribe' | 'publish'>,
    Omit<Tracker, Own>,
    Omit<EventCache, Own>,
    Omit<RateLimiter, Own>,
    QueueRequests {
  reportNode(node: NodeReport): Promise<void>;
  forgetNode(nodeId: string): Promise<void>;
  listNodes(): ReturnType<NodeRegistry['list']>;
  beginRequest(appId: string, key: string, digest: string): Promise<Attempt>;
  finishRequest(appId: string, key: string, claimed: Claimed, answer: string): Promise<void>;
  forgetRequest(appId: string, key: string, claim: string): Promise<void>;
  unsubscribe(topic: Topic): Promise<void>;
  /** Whether departures may be given to this worker from now on. */
  takeDepartures(willing: boolean): Promise<void>;
}

export type Method = keyof Requests;

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** Answers come in the order of the calls, and what is delivered in the order of the changes. */
export type FromPrimary =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly failure: Failure }
  | { readonly type: 'delivery'; readonly topic: Topic; readonly message: BrokerMessage }
  | { readonly type: 'departure'; readonly departure: Departure };

/** An error on its way. */
export interface Failure {
  readonly message: string;
  readonly request?: Pick<RequestError, 'status' | 'headers'>;
}

export function failureOf(err: unknown): Failure {
  if (!(err instanceof Error)) return { message: String(err) };
  const { message } = err;
  if (!(err instanceof RequestError)) return { message };
  return { message, request: { status: err.status, headers: err.headers } };
}

export function errorOf({ message, request }: Failure): Error {
  return request === undefined ? new Error(message) : new RequestError(request.status, message, request.headers);
}
