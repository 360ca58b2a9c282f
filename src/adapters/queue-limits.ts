// How much of each app's webhooks a queue keeps. Tests keep less.
import { DEAD_LETTER_BYTES, DEAD_LETTERS, DELIVERIES, QUEUED_BYTES, QUEUED_EVENTS } from '../core/webhook-queue.ts';

export interface QueueLimits {
  readonly queuedEvents: number;
  readonly queuedBytes: number;
  readonly deadLetters: number;
  readonly deadLetterBytes: number;
  readonly deliveries: number;
}

export const queueLimits: QueueLimits = {
  queuedEvents: QUEUED_EVENTS,
  queuedBytes: QUEUED_BYTES,
  deadLetters: DEAD_LETTERS,
  deadLetterBytes: DEAD_LETTER_BYTES,
  deliveries: DELIVERIES,
};
