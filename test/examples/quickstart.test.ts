// The quickstart, run as a newcomer runs it: its backend as a process, its page in a real browser, twice.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { developmentApp } from '../../src/config/apps.ts';
import { startBrowser } from '../support/browser.ts';
import { connect } from '../support/client.ts';
import { Program } from '../support/program.ts';
import { freePort } from '../support/redis.ts';
import { startServer } from '../support/server.ts';

const id = expect.stringMatching(/^[0-9a-f-]{36}$/);

async function logIn(page: Page, firstName: string, lastName: string): Promise<void> {
  await page.fill('[name=firstName]', firstName);
  await page.fill('[name=lastName]', lastName);
  await page.click('#login button');
  await page.getByRole('listitem').filter({ hasText: firstName }).waitFor();
}

async function dataOf(frame: Promise<{ data?: unknown }>): Promise<unknown> {
  return JSON.parse((await frame).data as string);
}

// As the development app has it, with whose secrets the quickstart starts.
const { auth } = developmentApp;

it.each(['own', 'fanfare'])(
  'lets two people chat, see each other type, and see what was read (AUTH=%s)',
  async (AUTH) => {
    const port = await freePort();
    const source = readFileSync('examples/quickstart/server.js', 'utf8');
    const [, webhooks = ''] = source.match(/FANFARE_APP_WEBHOOKS='(.*)'/) ?? [];
    await using server = await startServer({
      ...{ clientEvents: true, webhooks: JSON.parse(webhooks.replace(':3000', `:${port}`)) },
      ...(AUTH === 'fanfare' && { auth }),
    });
    const env = { PUSHER_PORT: String(server.port), PORT: String(port), AUTH };
    await using backend = new Program('node', ['examples/quickstart/server.js'], { env });
    const [, url = ''] = await backend.line(/Open (\S+) in two windows/);
    await using browser = await startBrowser();
    await using witness = await connect(server);
    await witness.joined('presence-chat-1', { user_id: 'witness', user_info: { firstName: 'Wit', lastName: 'Ness' } });

    const ada = await browser.open(url);
    await logIn(ada, 'Ada', 'Lovelace');
    const alan = await browser.open(url);
    await logIn(alan, 'Alan', 'Turing');
    await ada.locator('#members li', { hasText: 'Alan Turing' }).waitFor();

    await ada.locator('[name=content]').pressSequentially('Hello Alan');
    await alan.locator('#typing', { hasText: 'Ada Lovelace is typing…' }).waitFor();
    await ada.press('[name=content]', 'Enter');
    await alan.locator('#messages li', { hasText: 'Hello Alan' }).waitFor();
    await ada.locator('#messages small', { hasText: 'You · read' }).waitFor();

    expect(await dataOf(witness.nextOf('client-UserIsTyping'))).toEqual({
      conversation_id: '1',
      user: { id, firstName: 'Ada', lastName: 'Lovelace' },
    });
    expect(await dataOf(witness.nextOf('MessageSent'))).toEqual({
      message: {
        id,
        chat_id: '1',
        sender_id: id,
        sender_name: 'Ada Lovelace',
        content: 'Hello Alan',
        sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        status: 'sent',
      },
      tempId: id,
    });
    expect(await dataOf(witness.nextOf('MessagesRead'))).toEqual({
      conversation_id: '1',
      reader_id: id,
      message_ids: [id],
    });
    await alan.close();
    await ada.locator('#members li', { hasText: 'Alan' }).waitFor({ state: 'detached' });
    await ada.locator('#seen li', { hasText: /^Alan Turing was last seen at \d/ }).waitFor();
    // Also by who comes later, and from both kinds of event.
    expect(await dataOf(witness.nextOf('LastSeen'))).toEqual({ id, name: 'Alan Turing', at: expect.any(String) });
    expect(await dataOf(witness.nextOf('LastSeen'))).toEqual({ id, name: 'Alan Turing', at: expect.any(String) });
    const grace = await browser.open(url);
    await logIn(grace, 'Grace', 'Hopper');
    await grace.locator('#seen li', { hasText: 'Alan Turing was last seen' }).waitFor();
    const forged = await fetch(`${url}/webhooks`, {
      ...{ method: 'POST', body: '{"time_ms":1,"events":[]}', headers: { 'content-type': 'application/json' } },
    });
    expect(forged.status).toBe(401);
  },
);
