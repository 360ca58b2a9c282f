// A real headless Chromium, disposed of with `await using`.
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from './provision.ts';

/** Without the background traffic a browser makes by itself. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser extends AsyncDisposable {
  /** A page of its own profile: no cookies or storage shared with the others. */
  open(url: string): Promise<Page>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined)
    throw new Error('chromium is not on the PATH; the test run installs it at its start');
  const browser: Browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  return {
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
