// What the contract suites run against: a fresh cluster and a record of what one of its nodes was delivered.
import type { QueueLimits } from '../../../src/adapters/queue-limits.ts';
import type { Adapters, BrokerMessage, Deliver, Topic } from '../../../src/core/ports.ts';

/** Empty when made, all adapters started. `other` is a second node of it, or the same where a cluster has only one. */
export interface Cluster extends AsyncDisposable {
  readonly node: Adapters;
  readonly other: Adapters;
}

/**
 * @param deliver what `node`'s broker is started with; another node's may go nowhere.
 * @param limits of the webhook queue, where they are not to be the usual ones
 */
export type MakeCluster = (deliver: Deliver, limits?: Partial<QueueLimits>) => Promise<Cluster>;

/** Waits for deliveries, one after the other; none is lost, none is waited for by time. */
export class Deliveries {
  readonly #arrived: [Topic, BrokerMessage][] = [];
  readonly #waiting: ((delivery: [Topic, BrokerMessage]) => void)[] = [];

  readonly deliver: Deliver = (topic, message) => {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting([topic, message]);
    else this.#arrived.push([topic, message]);
  };

  next(): Promise<[Topic, BrokerMessage]> {
    const arrived = this.#arrived.shift();
    return arrived !== undefined ? Promise.resolve(arrived) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next delivery in words: `topic frame-text` of a short frame, ` except id` where there is one, or `topic type …`. */
  async nextText(): Promise<string> {
    const [topic, message] = await this.next();
    if (message.type === 'terminate') return `${topic} terminate`;
    if (message.type === 'unsubscribe') return `${topic} unsubscribe ${message.channel}`;
    if (message.type === 'call') return `${topic} call ${message.text}`;
    return `${topic} ${message.frame.toString('utf8', 2)}${message.except === undefined ? '' : ` except ${message.except}`}`;
  }
}

/** Strings that break keys, patterns, envelopes and prototypes where they are not handled as mere text. */
export const awkwardTexts = [
  '__proto__',
  'constructor',
  'toString',
  ' leading and trailing ',
  'a:b/c',
  '*',
  '?[a-z]\\',
  '{tag}',
  'line\nbreak\r\n',
  'nul\0byte',
  '"quoted" \\',
  'zwölf Boxkämpfer',
  '日本語 🎺',
] as const;
