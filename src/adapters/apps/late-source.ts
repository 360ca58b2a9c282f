// A source whose code is loaded when it is opened.
import type { AppRecord, AppSource, AppWriter } from './source.ts';

export class LateSource implements AppSource {
  readonly #make: () => Promise<AppSource>;
  #made: AppSource | undefined;

  constructor(make: () => Promise<AppSource>) {
    this.#make = make;
  }

  get name(): string {
    return this.#made?.name ?? 'the store of the apps';
  }

  /** Known once it is open. */
  get writer(): AppWriter | undefined {
    return this.#made?.writer;
  }

  async open(): Promise<void> {
    this.#made = await this.#make();
    await this.#made.open();
  }

  async close(): Promise<void> {
    await this.#made?.close();
  }

  revision(): Promise<string> {
    return this.#source.revision();
  }

  load(): Promise<readonly AppRecord[]> {
    return this.#source.load();
  }

  listen(onNews: () => void): void {
    this.#made?.listen?.(onNews);
  }

  get #source(): AppSource {
    if (this.#made === undefined) throw new Error('not open');
    return this.#made;
  }
}
