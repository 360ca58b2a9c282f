// The way between a worker and its primary: any that keeps the order and tells of its end.
import type { ChildProcess } from 'node:child_process';

export interface Channel {
  /** In order. What is sent when the other end is gone goes nowhere. */
  send(message: unknown): void;
  /** One listener, before anything can arrive. */
  onMessage(listener: (message: unknown) => void): void;
  /** The other end is gone: nothing arrives any more. */
  onEnd(listener: () => void): void;
}

/** Apart from what else the two processes tell each other. */
interface Parcel {
  readonly type: 'adapters';
  readonly content: unknown;
}

/**
 * Node's own channel between processes, which must be one with `serialization: 'advanced'`.
 * @param other `process` in a worker; in the primary, the worker's
 */
export function processChannel(other: Pick<NodeJS.Process | ChildProcess, 'send' | 'connected' | 'on'>): Channel {
  return {
    send: (content) => {
      const parcel: Parcel = { type: 'adapters', content };
      // Whoever ends while this is on its way has its end told by onEnd.
      if (other.connected) other.send?.(parcel, undefined, undefined, () => {});
    },
    onMessage: (listener) =>
      void other.on('message', (message: Partial<Parcel>) => {
        if (message.type === 'adapters') listener(message.content);
      }),
    onEnd: (listener) => void other.on('disconnect', listener),
  };
}
