// Which worker delivers webhooks. The lease is for workers that hang; one that ends has it given up by its primary.

export class Claim {
  #holder: object | undefined;
  #lapsesAtMs = 0;
  /** They held it longer than they may, and do not know yet. */
  readonly #late = new WeakSet<object>();

  /**
   * @returns false while it is another's, and once to a worker whose own has lapsed: others may have had it since, so
   * what was left is to be read again
   */
  take(worker: object, leaseMs: number): boolean {
    if (this.#holder !== undefined && performance.now() >= this.#lapsesAtMs) {
      this.#late.add(this.#holder);
      this.#holder = undefined;
    }
    if (this.#late.delete(worker)) return false;
    if (this.#holder !== undefined && this.#holder !== worker) return false;
    this.#holder = worker;
    this.#lapsesAtMs = performance.now() + leaseMs;
    return true;
  }

  release(worker: object): void {
    this.#late.delete(worker);
    if (this.#holder === worker) this.#holder = undefined;
  }

  isOf(worker: object): boolean {
    return this.#holder === worker;
  }
}
