// How much of each app's webhooks a queue keeps. Tests keep less.
import { DEAD_LETTERS, DELIVERIES, QUEUED_EVENTS } from '../core/webhook-queue.ts';

export interface QueueLimits {
  readonly queuedEvents: number;
  readonly deadLetters: number;
  readonly deliveries: number;
}

export const queueLimits: QueueLimits = {
  queuedEvents: QUEUED_EVENTS,
  deadLetters: DEAD_LETTERS,
  deliveries: DELIVERIES,
};
