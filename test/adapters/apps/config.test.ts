// The apps of the configuration as a store.
import { expect, test } from 'vitest';
import { ConfigAppStore } from '../../../src/adapters/apps/config-store.ts';
import { appSchema } from '../../../src/core/app.ts';

const one = appSchema.parse({ id: '1', key: 'key-one', secret: 's' });
const two = appSchema.parse({ id: '2', key: 'key-two', secret: 's' });
const store = new ConfigAppStore([one, two]);

test('finds an app by its id and by its key, and by nothing else', async () => {
  expect(await store.findById('1')).toBe(one);
  expect(await store.findByKey('key-two')).toBe(two);
  expect(await store.findById('key-one')).toBe(undefined);
  expect(await store.findByKey('1')).toBe(undefined);
});

test.each(['', '__proto__', 'constructor', 'KEY-ONE'])('knows no app named %j', async (name) => {
  expect(await store.findById(name)).toBe(undefined);
  expect(await store.findByKey(name)).toBe(undefined);
});

test('lists the apps in the order of the configuration', async () => {
  expect(await store.list()).toEqual([one, two]);
  expect(await new ConfigAppStore([]).list()).toEqual([]);
});

test('finds an app by each of its keys that is good', async () => {
  const keys = [
    { key: 'further', secret: 's' },
    { key: 'ended', secret: 's', notAfter: '2020-01-01T00:00:00Z' },
  ];
  const app = appSchema.parse({ id: '3', key: 'key-three', secret: 's', keys });
  const store = new ConfigAppStore([one, app]);
  expect([await store.findByKey('key-three'), await store.findByKey('further')]).toEqual([app, app]);
  expect(await store.findByKey('ended')).toBe(undefined);
});

test('never changes, and is never in trouble', async () => {
  await store.start();
  expect([store.editor, store.trouble(), store.refused()]).toEqual([undefined, undefined, []]);
  await store.stop();
});
