// What can be tested of the Laravel example without Laravel: its env files start a server that takes its credentials.
import Pusher from 'pusher';
import { expect, it } from 'vitest';
import { Program } from '../support/program.ts';

it.each(['examples/laravel/.env', 'examples/laravel/reverb.env'])('%s starts the server', async (file) => {
  const args = ['dist/main.js', 'start', '--env-file', file, '--host', '127.0.0.1', '--port', '0'];
  await using server = new Program('node', args);
  const [, port = ''] = await server.line(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
  const credentials = { appId: 'chat', key: 'chat-key', secret: 'replace-me-8b1f0c6de2a94f7b' };
  const pusher = new Pusher({ ...credentials, host: '127.0.0.1', port, useTLS: false });
  const answer = await pusher.trigger('private-App.Models.User.1', 'App\\Events\\OrderShipped', { id: 7 });
  expect([answer.status, await answer.text()]).toEqual([200, '{}']);
  server.signal('SIGTERM');
  expect(await server.exit()).toBe(0);
});
