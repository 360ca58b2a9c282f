// Webhooks of a node: what core announces goes into the queue, and out of it to the applications.
import type { Logger } from 'pino';
import type { AppStore } from '../core/app-store.ts';
import type { Facts } from '../core/facts.ts';
import { forgetApp } from '../core/forgotten-app.ts';
import type { Tracker } from '../core/ports.ts';
import type { WebhookQueue } from '../core/webhook-queue.ts';
import { Deliverer } from './deliverer.ts';
import { Intake } from './intake.ts';
import { lookUp } from './look-up.ts';
import { defaultTimes, type WebhookOptions } from './options.ts';
import { Outcomes } from './outcomes.ts';
import type { Counts } from './report.ts';
import { Sender } from './sender.ts';
import { areTrue } from './truth.ts';

export interface WebhooksDeps {
  readonly facts: Facts;
  readonly apps: AppStore;
  readonly queue: WebhookQueue;
  readonly tracker: Pick<Tracker, 'counts' | 'members'>;
  /** Whether what is in the queue outlives this process. */
  readonly durable: boolean;
  readonly version: string;
  readonly log: Logger;
}

type Options = Pick<WebhookOptions, 'refusePrivateAddresses' | 'concurrency'> & Partial<WebhookOptions>;

export class Webhooks {
  readonly #deps: WebhooksDeps;
  readonly #counts: Counts = { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 };
  readonly #sender: Sender;
  readonly #outcomes: Outcomes;
  readonly #deliverer: Deliverer;
  readonly #intake: Intake;
  #unlisten: (() => void) | undefined;
  #started = false;

  /** @param given its times are the defaults unless given */
  constructor(deps: WebhooksDeps, given: Options) {
    const { apps, queue, tracker, version, log } = deps;
    const options: WebhookOptions = { ...defaultTimes, ...given };
    const counts = this.#counts;
    this.#deps = deps;
    this.#sender = new Sender({ ...options, version });
    this.#outcomes = new Outcomes(queue, options.againMs);
    this.#deliverer = new Deliverer({
      ...{ options, queue, apps, counts, log },
      handsOver: deps.durable,
      outcomes: this.#outcomes,
      send: this.#sender.send,
      areTrue: (appId, events) => areTrue(tracker, appId, events),
    });
    const onWanted = () => {
      if (this.#started) this.#deliverer.activate();
    };
    this.#intake = new Intake({ options, queue, apps, counts, log, onWanted });
  }

  /** Events and attempts of this node since its start. */
  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  /** From here on what is announced is queued, as soon as the queue takes it. Before core starts: it begins with facts. */
  listen(): void {
    this.#unlisten ??= this.#deps.facts.listen(this.#intake.hear);
  }

  /** From here on what is queued is sent. After the queue. Safe to call twice. */
  async start(): Promise<void> {
    this.listen();
    this.#started = true;
    // An earlier process may have left some in the queue.
    const apps = await this.#deps.apps.list();
    if (apps.some(({ webhooks }) => webhooks.length > 0)) this.#deliverer.activate();
  }

  /** For core. */
  readonly appsChanged = (changed: ReadonlyMap<string, unknown>): void => {
    for (const appId of changed.keys()) void this.#forgetIfGone(appId);
  };

  /** Sends what is due, for as long as it may; what is announced from here on is only queued. Once. */
  async drain(withinMs: number): Promise<void> {
    await within(withinMs, async () => {
      await this.#intake.flush();
      await this.#deliverer.drain();
    });
  }

  /**
   * When nothing is announced any more, and before the queue: leaves what was not sent in it. Safe to call twice.
   * @param withinMs how long what is not queued yet may take
   */
  async stop(withinMs: number): Promise<void> {
    await within(withinMs, () => this.#intake.flush());
    this.#unlisten?.();
    const unqueued = this.#intake.stop();
    const held = this.#deliverer.holds;
    await this.#outcomes.stop();
    await this.#sayWhatIsLost(unqueued, held);
    await Promise.all([this.#deliverer.stop(), this.#sender.stop()]);
  }

  /**
   * Of an app that is gone nothing is kept; one whose record is refused may be back in a moment. So may all apps where
   * none is left, as when a table was emptied: whoever removes the last one on purpose has it forgotten.
   */
  async #forgetIfGone(appId: string): Promise<void> {
    const { apps, queue, log } = this.#deps;
    try {
      const isGone = (await lookUp(apps, appId)) === undefined && (await apps.list()).length > 0;
      if (isGone) await forgetApp(queue, appId, log);
    } catch (err) {
      log.debug({ err, appId }, 'the dead letters of an app were kept');
    }
  }

  async #sayWhatIsLost(unqueued: number, held: boolean): Promise<void> {
    const { apps, queue, durable, log } = this.#deps;
    let lost = unqueued;
    if (!durable && held) {
      for (const { id } of await apps.list()) lost += (await queue.sizes(id)).waiting;
    }
    if (lost > 0) log.warn({ events: lost }, 'webhook events are lost: the queue ends with the server');
  }
}

/** Waits no longer than so. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work(), over]);
  clearTimeout(timer);
}
