// Pages in a real, headless Chromium that run page.js.
import type { Page } from 'playwright-core';
import { startBrowser as startChromium } from '../../support/browser.ts';

export interface Browser extends AsyncDisposable {
  /** A page of its own, loaded from this address. */
  visit(url: string): Promise<BrowserPage>;
}

export class BrowserPage {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Calls one of page.js's functions. */
  async call<T = unknown>(name: string, ...values: unknown[]): Promise<T> {
    const list = values.map((value) => JSON.stringify(value)).join(', ');
    return (await this.#page.evaluate(`globalThis.${name}(${list})`)) as T;
  }

  /** What follows these values in the next entry that starts with them. */
  async next(...start: unknown[]): Promise<unknown[]> {
    return await this.call('next', ...start);
  }

  async close(): Promise<void> {
    await this.#page.close();
  }
}

export async function startBrowser(): Promise<Browser> {
  const chromium = await startChromium();
  return {
    visit: async (url) => new BrowserPage(await chromium.open(url)),
    [Symbol.asyncDispose]: () => chromium[Symbol.asyncDispose](),
  };
}
