// A real, headless Chromium with a fresh profile, and pages in it that run page.js.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { findProgram } from '../../support/provision.ts';

const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

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
  const profile = await mkdtemp(join(tmpdir(), 'fanfare-chromium-'));
  const executablePath = findProgram('chromium') ?? '/usr/bin/chromium';
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: ARGS });
  return {
    visit: async (url) => {
      const page = await context.newPage();
      await page.goto(url);
      return new BrowserPage(page);
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
