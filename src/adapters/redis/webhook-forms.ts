// What the webhook queue writes to Redis, and the way back; pure. What is none of ours is undefined.
import { z } from 'zod';
import type { DeadLetter, Delivery, QueuedEvent } from '../../core/webhook-queue.ts';
import { readJson } from '../../protocol/json.ts';
import type { WebhookEvent } from '../../protocol/webhook.ts';

/** Of any name, and whatever else it has: nodes of a later version may have queued it. */
const event = z.looseObject({ name: z.string(), channel: z.string() }) as unknown as z.ZodType<WebhookEvent>;

const queuedEvent = z.object({
  id: z.string(),
  event,
  atMs: z.number(),
  endpoint: z.string().optional(),
  wantedBy: z.array(z.string()).optional(),
});

const letterOfEntry = queuedEvent.omit({ wantedBy: true }).extend({ endpoint: z.string() });

const restOfLetter = z.object({ reason: z.string(), attempts: z.number(), diedAtMs: z.number() });

const delivery = z.object({
  endpoint: z.string(),
  startedAtMs: z.number(),
  durationMs: z.number(),
  events: z.number(),
  ids: z.array(z.string()),
  status: z.number().optional(),
  reason: z.string().optional(),
  attempt: z.number(),
});

/** The endpoint last: see `endOfEntry`. */
export function writeEntry({ id, event, atMs, endpoint, wantedBy }: QueuedEvent): string {
  return JSON.stringify({ id, event, atMs, wantedBy, endpoint });
}

/** How entries for this endpoint end, and no others: in texts there is no quotation mark without a backslash. */
export function endOfEntry(endpoint: string): string {
  return `,"endpoint":${JSON.stringify(endpoint)}}`;
}

export function readEntry(text: string): QueuedEvent | undefined {
  return queuedEvent.safeParse(readJson(text)).data;
}

/** The entry it is when it is revived, and the rest. */
export function writeLetter(letter: Omit<DeadLetter, 'letterId'>): [entry: string, rest: string] {
  const { id, event, atMs, endpoint, reason, attempts, diedAtMs } = letter;
  return [writeEntry({ id, event, atMs, endpoint }), JSON.stringify({ reason, attempts, diedAtMs })];
}

export function readLetter(letterId: string, entry: string, rest: string): DeadLetter | undefined {
  const queued = letterOfEntry.safeParse(readJson(entry)).data;
  const others = restOfLetter.safeParse(readJson(rest)).data;
  return queued && others && { letterId, ...queued, ...others };
}

export function readDelivery(text: string): Delivery | undefined {
  return delivery.safeParse(readJson(text)).data;
}

/** Redis refuses whole commands for one id that is none. */
export function isStreamId(id: string): boolean {
  return /^\d{1,19}-\d{1,19}$/.test(id);
}

/** For `sort`: in the order of adding. */
export function byStreamId(a: string, b: string): number {
  const [[aMs = 0, aNumber = 0], [bMs = 0, bNumber = 0]] = [partsOf(a), partsOf(b)];
  return aMs - bMs || aNumber - bNumber;
}

function partsOf(id: string): number[] {
  return id.split('-').map(Number);
}
