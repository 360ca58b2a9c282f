// Watchlists: who is online at the sign-in, and who comes and goes afterwards.
import { describe, expect, test } from 'vitest';
import type { Client } from './support/client.ts';
import { createHarness, type Harness, suspend } from './support/harness.ts';

const events = (...list: [name: 'online' | 'offline', ...ids: string[]][]) =>
  `pusher_internal:watchlist_events ${JSON.stringify({ events: list.map(([name, ...user_ids]) => ({ name, user_ids })) })}`;

async function signedIn(harness: Harness, id: string, watchlist?: unknown): Promise<Client> {
  const client = await harness.connect();
  await client.signIn({ id, watchlist });
  return client;
}

/** What a sign-in with this watchlist brings, beside its acknowledgement. */
async function afterSignIn(client: Client, user: object): Promise<string[]> {
  const [acknowledged, ...more] = await client.signIn(user);
  expect(acknowledged).toMatch(/^pusher:signin_success /);
  return more;
}

describe('websocket §10.3', () => {
  test('the current state first, online and offline in the order of the list', async () => {
    await using harness = await createHarness({ watchlists: true });
    await signedIn(harness, '2');
    await signedIn(harness, '3');
    const client = await harness.connect();
    expect(await afterSignIn(client, { id: '1', watchlist: ['3', '4', '2', '5'] })).toEqual([
      events(['online', '3', '2'], ['offline', '4', '5']),
    ]);
  });

  test.each([
    ['only online', ['2'], [events(['online', '2'])]],
    ['only offline', ['9', '8'], [events(['offline', '9', '8'])]],
    ['nobody', [], []],
    ['an id twice is one', ['2', '2', '9'], [events(['online', '2'], ['offline', '9'])]],
    ['ids that are numbers', [2, 9], [events(['online', '2'], ['offline', '9'])]],
    ['the prototype', ['__proto__', 'constructor'], [events(['offline', '__proto__', 'constructor'])]],
    ['no list', 'all', []],
    ['null', null, []],
  ])('%s', async (_, watchlist, frames) => {
    await using harness = await createHarness({ watchlists: true });
    await signedIn(harness, '2');
    const client = await harness.connect();
    expect(await afterSignIn(client, { id: '1', watchlist })).toEqual(frames);
    expect(client.transport.closedWith).toBe(undefined);
  });

  test('a list with what is no id does not hinder the sign-in', async () => {
    await using harness = await createHarness({ watchlists: true });
    const client = await harness.connect();
    const frames = await afterSignIn(client, { id: '1', watchlist: [{ toString: 1 }, null, ['x'], '', 'a b', '9'] });
    expect(frames).toEqual([events(['offline', '9'])]);
    expect(client.transport.closedWith).toBe(undefined);
    expect(await client.ask({ event: 'pusher:ping' })).toEqual(['pusher:pong {}']);
  });

  test('then each change: with the first connection of a user and after the last', async () => {
    await using harness = await createHarness({ watchlists: true });
    const watcher = await signedIn(harness, '1', ['2']);
    const first = await signedIn(harness, '2');
    expect(await watcher.read()).toEqual([events(['online', '2'])]);
    const second = await signedIn(harness, '2');
    await first.close();
    expect(await watcher.read()).toEqual([]);
    await second.close();
    expect(await watcher.read()).toEqual([events(['offline', '2'])]);
    await signedIn(harness, '3');
    expect(await watcher.read()).toEqual([]);
  });

  test('a user who is terminated goes offline', async () => {
    await using harness = await createHarness({ watchlists: true });
    const watcher = await signedIn(harness, '1', ['2']);
    await signedIn(harness, '2');
    await watcher.read();
    await harness.core.terminateUser(harness.app, '2');
    expect(await watcher.read()).toEqual([events(['offline', '2'])]);
  });

  test('a change while the state is asked for comes after the state', async () => {
    await using harness = await createHarness({ watchlists: true });
    const watcher = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'online', 'answer');
    const signingIn = watcher.signIn({ id: '1', watchlist: ['2'] });
    await gate.entered;
    await signedIn(harness, '2');
    expect(await signingIn).toHaveLength(1);
    gate.open();
    expect(await watcher.read()).toEqual([events(['offline', '2']), events(['online', '2'])]);
  });

  test('REC limits §2: above 100 the sign-in succeeds, the first 100 are watched, and 4302 says which', async () => {
    await using harness = await createHarness({ watchlists: true });
    const ids = Array.from({ length: 101 }, (_, index) => `u${index}`);
    const accepted = ids.slice(0, 100);
    const client = await harness.connect();
    expect(await afterSignIn(client, { id: '1', watchlist: ids })).toEqual([
      `pusher:error {"code":4302,"message":"Watchlist limit exceeded: only these 100 ids are watched: ${accepted}"}`,
      events(['offline', ...accepted]),
    ]);
    expect(client.transport.closedWith).toBe(undefined);
    await signedIn(harness, 'u100');
    expect(await client.read()).toEqual([]);
    await signedIn(harness, 'u99');
    expect(await client.read()).toEqual([events(['online', 'u99'])]);
  });

  test('exactly 100 are no reason to complain', async () => {
    await using harness = await createHarness({ watchlists: true });
    const ids = Array.from({ length: 100 }, (_, index) => `u${index}`);
    const client = await harness.connect();
    expect(await afterSignIn(client, { id: '1', watchlist: ids })).toEqual([events(['offline', ...ids])]);
  });

  test('a watcher who closed leaves nothing behind, and the others go on', async () => {
    await using harness = await createHarness({ watchlists: true });
    const watcher = await signedIn(harness, '1', ['2', '3']);
    const stays = await signedIn(harness, '4', ['2']);
    await watcher.read();
    await watcher.close();
    // The other's own topic and that of the user it watches.
    expect(harness.core.nodeStats().topics).toBe(2);
    await signedIn(harness, '2');
    expect(await watcher.read()).toEqual([]);
    expect(await stays.read()).toEqual([events(['online', '2'])]);
  });

  test('is off unless the app says so', async () => {
    await using harness = await createHarness();
    const watcher = await harness.connect();
    expect(await afterSignIn(watcher, { id: '1', watchlist: ['2'] })).toEqual([]);
    await signedIn(harness, '2');
    expect(await watcher.read()).toEqual([]);
  });
});
