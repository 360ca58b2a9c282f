// Webhooks as operators see them: what waits, what was attempted, and what is sent again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Application, answering } from '../auth/support/application.ts';
import { connect } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { admin, adminToken } from './support/admin.ts';

const start = (webhooks: { url: string; events?: ['channel_occupied']; retrySeconds?: number }[]) =>
  startServer({ webhooks }, { admin: { tokens: [adminToken] } });

const folder = mkdtempSync(join(tmpdir(), 'fanfare-admin-webhooks-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Letter {
  readonly letterId: string;
  readonly id: string;
  readonly reason: string;
}

it('an app without endpoints has nothing', async () => {
  await using server = await start([]);
  const get = async (path: string) => (await admin(server, 'GET', `/apps/app-id/webhooks${path}`)).json;
  expect(await get('')).toEqual({ endpoints: [], waiting: 0, dead: 0 });
  expect(await get('/deliveries')).toEqual({ deliveries: [] });
  expect(await get('/dead-letters')).toEqual({ letters: [], next: null });
  const replay = await admin(server, 'POST', '/apps/app-id/webhooks/dead-letters/replay');
  expect([replay.status, replay.json]).toEqual([200, { replayed: 0, dead: 0 }]);
});

it('an event that was never taken is a dead letter, and is sent again with its id', async () => {
  await using application = await Application.start(answering(500));
  const url = `${application.url}?token=hush`;
  const shown = `${application.url}?…`;
  await using server = await start([{ url, events: ['channel_occupied'], retrySeconds: 0 }]);
  const dead = server.line(({ msg }) => msg === 'webhook events are dead-lettered');
  await using client = await connect(server);
  await client.joined('news');
  await dead;
  const get = async (path: string) => (await admin(server, 'GET', `/apps/app-id/webhooks${path}`)).json;
  expect(await get('')).toMatchObject({ endpoints: [{ url: shown, events: ['channel_occupied'] }], dead: 1 });
  const { letters, next } = (await get('/dead-letters')) as unknown as { letters: Letter[]; next: string | null };
  expect(next).toBe(null);
  expect(letters).toEqual([
    {
      letterId: expect.any(String),
      id: expect.any(String),
      event: { name: 'channel_occupied', channel: 'news' },
      endpoint: shown,
      reason: 'answered 500',
      attempts: 1,
      at: expect.stringMatching(/Z$/),
      diedAt: expect.stringMatching(/Z$/),
    },
  ]);
  expect(await get('/deliveries')).toMatchObject({ deliveries: [{ endpoint: shown, status: 500, attempt: 1 }] });
  expect(JSON.stringify(server.logged)).not.toContain('hush');
  application.behaviour = answering(200);
  const body = { letterIds: [letters[0]?.letterId, 'unknown'] };
  const replay = await admin(server, 'POST', '/apps/app-id/webhooks/dead-letters/replay', { body });
  expect([replay.status, replay.json]).toEqual([200, { replayed: 1, dead: 0 }]);
  await application.askedTimes(2);
  expect(application.asked.map(({ path }) => path)).toEqual([
    `${new URL(url).pathname}?token=hush`,
    `${new URL(url).pathname}?token=hush`,
  ]);
  const ids = application.asked.map(({ body }) => (JSON.parse(body) as { events: { id: string }[] }).events[0]?.id);
  expect(ids).toEqual([letters[0]?.id, letters[0]?.id]);
  expect((await get('/dead-letters')).letters).toEqual([]);
});

it('dead letters of a URL that is corrected stay, and go with the app', async () => {
  await using application = await Application.start(answering(500));
  const [wrong, right] = [`${application.url}?wrong`, `${application.url}?right`];
  const config = {
    appStore: { driver: 'file' as const, file: join(folder, 'apps.json') },
    admin: { tokens: [adminToken] },
  };
  await using server = await startServer({}, config);
  const ask = async (method: string, path: string, body?: unknown) =>
    (await admin(server, method, `/apps${path}`, { body })).json;
  const webhook = (url: string) => ({ url, events: ['channel_occupied'], retrySeconds: 0 });
  const chat = { id: 'chat', key: 'chat-key', secret: 'chat-secret', webhooks: [webhook(wrong)] };
  await ask('POST', '', chat);
  const dead = server.line(({ msg }) => msg === 'webhook events are dead-lettered');
  await using client = await connect(server, { key: 'chat-key' });
  await client.joined('news');
  await dead;
  application.behaviour = answering(200);
  await ask('PATCH', '/chat', { webhooks: [webhook(right)] });
  const replay = () => ask('POST', '/chat/webhooks/dead-letters/replay');
  expect(await replay()).toEqual({ replayed: 0, dead: 1 });
  await ask('PATCH', '/chat', { webhooks: [webhook(right), webhook(wrong)] });
  expect(await replay()).toEqual({ replayed: 1, dead: 0 });
  await application.askedTimes(2);
  expect(application.asked.map(({ path }) => path)).toEqual(['/broadcasting/auth?wrong', '/broadcasting/auth?wrong']);
  application.behaviour = answering(500);
  await client.joined('more');
  const deadOf = async () => (await ask('GET', '/chat/webhooks')).dead;
  while ((await deadOf()) !== 2) await application.askedTimes(4);
  await ask('DELETE', '/chat');
  await ask('POST', '', chat);
  expect(await deadOf()).toBe(0);
});

it.each<[string, string, unknown, string]>([
  ['GET', '/dead-letters?limit=0', undefined, 'Invalid limit: Too small: expected number to be >=1'],
  ['GET', '/dead-letters?before=', undefined, 'Invalid before: Too small: expected string to have >=1 characters'],
  ['GET', '/dead-letters?before=junk', undefined, 'Invalid before: expected the next of the page before'],
  ['POST', '/dead-letters/replay', { letterIds: [] }, 'Invalid letterIds: Too small: expected array to have >=1 items'],
  ['POST', '/dead-letters/replay', { letters: ['a'] }, 'Unknown parameter: letters'],
])('%s %s %j is refused', async (method, path, body, error) => {
  await using server = await start([]);
  const answer = await admin(server, method, `/apps/app-id/webhooks${path}`, { body });
  expect([answer.status, answer.json]).toEqual([400, { error }]);
});
