// What a client's callbacks are called with, in order: waited for with `await next()`, none is lost.
interface Emitter {
  bind(event: string, callback: (...values: never[]) => void): unknown;
}

export class Heard<T> {
  /** Everything so far, also what was taken with `next`. */
  readonly all: T[] = [];
  readonly #arrived: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  readonly add = (value: T): void => {
    this.all.push(value);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(value);
    else this.#arrived.push(value);
  };

  next(): Promise<T> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next one that fits; those before it are dropped. */
  async nextWhere(fits: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await this.next();
      if (fits(value)) return value;
    }
  }
}

/** The data of every such event from now on. */
export function hear<T = unknown>(emitter: Emitter, event: string): Heard<T> {
  const heard = new Heard<T>();
  emitter.bind(event, (...[value]: unknown[]) => heard.add(value as T));
  return heard;
}

/** The data of the next such event. */
export function once<T = unknown>(emitter: Emitter, event: string): Promise<T> {
  return hear<T>(emitter, event).next();
}
