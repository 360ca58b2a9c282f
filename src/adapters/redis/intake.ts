// What is added to an app's queue goes to Redis one call after the other, as pipelines may overtake each other; what
// comes while one is under way goes together in the next.

interface Waiting {
  readonly texts: readonly string[];
  readonly resolve: (answer: number) => void;
  readonly reject: (err: unknown) => void;
}

/** Of one app's; answers with a number that is for all of them. */
export type Send = (appId: string, texts: readonly string[]) => Promise<number>;

export class Intake {
  readonly #send: Send;
  /** By app with a call under way. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(send: Send) {
    this.#send = send;
  }

  /** @returns what was answered to the call, for the first of those it was made for; 0 for the others */
  add(appId: string, texts: readonly string[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const one = { texts, resolve, reject };
      const waiting = this.#waiting.get(appId);
      if (waiting !== undefined) {
        waiting.push(one);
        return;
      }
      this.#waiting.set(appId, []);
      void this.#sendAll(appId, [one]);
    });
  }

  async #sendAll(appId: string, first: readonly Waiting[]): Promise<void> {
    for (let together = first; together.length > 0; together = this.#waiting.get(appId) ?? []) {
      this.#waiting.set(appId, []);
      try {
        const answer = await this.#send(
          appId,
          together.flatMap(({ texts }) => texts),
        );
        for (const [index, { resolve }] of together.entries()) resolve(index === 0 ? answer : 0);
      } catch (err) {
        for (const { reject } of together) reject(err);
      }
    }
    this.#waiting.delete(appId);
  }
}
