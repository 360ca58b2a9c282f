// What a node has to do with Sentinels: they tell it who the master is, and when that is another.
import type { Redis } from 'ioredis';
import { ANSWER_WITHIN_MS, type ConnectionOptions, connectionTo, retryAfterMs } from './connections.ts';
import type { Sentinels } from './settings.ts';

const CHANNEL = '+switch-master';

/** @param isOpen At the start a mistake is to be heard of; later all of them may be away for a while. */
export function throughSentinels(
  place: Sentinels,
  tls: ConnectionOptions['tls'],
  isOpen: () => boolean,
): ConnectionOptions {
  const { sentinels, name, sentinelUsername, sentinelPassword } = place;
  return {
    sentinels: [...sentinels],
    name,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    sentinelCommandTimeout: ANSWER_WITHIN_MS,
    sentinelRetryStrategy: (attempt) => (isOpen() ? retryAfterMs(attempt) : null),
  };
}

/** Hears of it when there is another master: a connection to one that merely stands still does not break by itself. */
export class Switches {
  readonly #connections: readonly Redis[];

  constructor(place: Sentinels, tls: ConnectionOptions['tls'], onSwitch: () => void) {
    const { sentinelUsername: username, sentinelPassword: password } = place;
    const options: ConnectionOptions = {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls }),
      retryStrategy: retryAfterMs,
    };
    // A Sentinel that is away is no trouble as long as one is not.
    this.#connections = place.sentinels.map((sentinel) => connectionTo(sentinel, options, () => {}));
    for (const connection of this.#connections) {
      connection.on('ready', () => void connection.subscribe(CHANNEL).catch(() => {}));
      connection.on('message', (_, message: string) => {
        if (message.startsWith(`${place.name} `)) onSwitch();
      });
    }
  }

  start(): void {
    for (const connection of this.#connections) connection.connect().catch(() => {});
  }

  stop(): void {
    for (const connection of this.#connections) connection.disconnect();
  }
}

const UNREACHABLE = /^All sentinels are unreachable/;
const ONE = /^failed to connect to sentinel (\S+) because (?:ERR )?(.*)$/s;

/** Why none of the Sentinels told who the master is, in one line. */
export class SentinelTroubles {
  readonly #byAddress = new Map<string, string>();

  /** @param err an event of ioredis' about one of them */
  add({ message }: Error): void {
    const [, address = '', reason = message] = ONE.exec(message) ?? [];
    this.#byAddress.set(address, reason.replace('Connection is closed.', 'cannot be reached'));
  }

  /** @returns undefined when the error is another one */
  explain({ message }: Error): string | undefined {
    if (!UNREACHABLE.test(message)) return undefined;
    return Array.from(this.#byAddress, ([address, reason]) => `Sentinel ${address}: ${reason}`).join(', ');
  }
}
