// What is kept of the webhooks of an app that was removed goes with it: another one with its id must not see it.
import type { Logger } from 'pino';
import type { WebhookQueue } from './webhook-queue.ts';

/** Never throws: what cannot be removed now expires, or ends with the process. */
export async function forgetApp(queue: Pick<WebhookQueue, 'forget'>, appId: string, log: Logger): Promise<void> {
  try {
    const events = await queue.forget(appId);
    if (events > 0) log.info({ appId, events }, 'webhook events of a removed app were dropped');
  } catch (err) {
    log.warn({ err, appId }, 'what is kept of the webhooks of a removed app is there until it expires');
  }
}
