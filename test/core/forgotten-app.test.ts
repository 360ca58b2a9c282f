// What is said of the webhooks of an app that was removed.
import { expect, test } from 'vitest';
import { forgetApp } from '../../src/core/forgotten-app.ts';
import { Log } from '../support/redis.ts';

test('what waited for the endpoints of a removed app is counted in the log, and nothing is said where nothing did', async () => {
  const log = new Log();
  await forgetApp({ forget: async () => 0 }, 'app', log.logger);
  expect(log.entries).toEqual([]);
  await forgetApp({ forget: async () => 7 }, 'app', log.logger);
  const msg = 'webhook events of a removed app were dropped';
  expect(log.entries).toMatchObject([{ level: 30, appId: 'app', events: 7, msg }]);
});

test('a queue that is away is for the log, and not for whoever removed the app', async () => {
  const log = new Log();
  const forget = async () => {
    throw new Error('away');
  };
  await forgetApp({ forget }, 'app', log.logger);
  expect(log.entries).toMatchObject([{ level: 40, appId: 'app', err: { message: 'away' } }]);
});
