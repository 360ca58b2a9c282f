// The store over a source: what it makes of records, and that a slow answer undoes nothing that is newer.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogOf, NOTHING } from '../../../src/adapters/apps/catalog.ts';
import { ConfigAppStore } from '../../../src/adapters/apps/config-store.ts';
import { StoredAppEditor } from '../../../src/adapters/apps/editor.ts';
import { FileSource } from '../../../src/adapters/apps/file.ts';
import { LateSource } from '../../../src/adapters/apps/late-source.ts';
import { storeOf } from '../../../src/adapters/apps/store-of.ts';
import { StoredApps } from '../../../src/adapters/apps/stored-apps.ts';
import { suspend } from '../../core/support/harness.ts';
import { Log } from '../../support/redis.ts';
import { makeApp, Node } from './contract.ts';

const HOUR_MS = 3_600_000;
const { logger } = new Log();
const rules = { development: false };

async function makeFile() {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-store-'));
  const file = join(folder, 'apps.json');
  const write = (...apps: object[]) => writeFile(file, JSON.stringify({ apps }));
  await write();
  return { file, write, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Looks only when it is told to. */
class Unwatched extends FileSource {
  override listen(): void {}
}

test('what was read before an edit of this node, and arrives after it, does not undo it', async () => {
  await using place = await makeFile();
  const source = new Unwatched(place.file);
  await using node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  await place.write(makeApp('one'));
  const reading = suspend(source, 'load', 'answer');
  const looking = node.store.look();
  await reading.entered;
  // Written, and counting, while the answer is on its way.
  const written = await source.writer.insert('two', makeApp('two'));
  if (written === 'exists') throw new Error('it is there');
  node.store.edited('two', { id: 'two', value: makeApp('two'), version: written.version });
  expect(await node.store.findById('two')).toBeDefined();
  reading.open();
  await looking;
  expect((await node.store.list()).map(({ id }) => id)).toEqual(['one', 'two']);
  expect(node.changes).toEqual(['two', 'one']);
});

test('looks never overlap: those who ask meanwhile get what is there then', async () => {
  await using place = await makeFile();
  const source = new Unwatched(place.file);
  await using node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  await place.write(makeApp('one'));
  const reading = suspend(source, 'load', 'answer');
  const first = node.store.look();
  await reading.entered;
  await place.write(makeApp('one'), makeApp('two'));
  const second = node.store.look();
  expect(second).toBe(first);
  reading.open();
  await second;
  expect((await node.store.list()).map(({ id }) => id)).toEqual(['one', 'two']);
});

test('nothing is told after the stop', async () => {
  await using place = await makeFile();
  const source = new Unwatched(place.file);
  const node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  await place.write(makeApp('one'));
  const reading = suspend(source, 'revision');
  const looking = node.store.look();
  await reading.entered;
  const stopping = node.store.stop();
  reading.fail(new Error('closed'));
  await Promise.all([stopping, looking]);
  expect(node.store.trouble()).toBe(undefined);
  expect(node.log.count('changes of apps are not noticed for now')).toBe(0);
});

test('an app stays the same object while it stays the same, and is frozen', () => {
  const records = [{ id: 'one', value: makeApp('one'), version: '1' }];
  const before = catalogOf(records, NOTHING, rules);
  const after = catalogOf([...records, { id: 'two', value: makeApp('two'), version: '1' }], before, rules);
  expect(after.byId.get('one')?.app).toBe(before.byId.get('one')?.app);
  expect(Object.isFrozen(after.byId.get('two')?.app.limits)).toBe(true);
});

test('a record of another id than its app’s is refused', () => {
  const { refused, byId } = catalogOf([{ id: 'a', value: makeApp('b'), version: '1' }], NOTHING, rules);
  expect(refused).toEqual([{ id: 'a', version: '1', reason: 'id: is b, but it is stored as a' }]);
  expect(byId.size).toBe(0);
});

test('a key that a refused app would have is free for the next', () => {
  const record = (id: string, keys: string[]) => {
    const [key = '', ...further] = keys;
    return { id, version: '1', value: makeApp(id, { key, keys: further.map((key) => ({ key, secret: 's' })) }) };
  };
  const records = [record('c', ['y']), record('b', ['x', 'y']), record('a', ['x'])];
  const { byId, refused, byKey } = catalogOf(records, NOTHING, rules);
  expect([...byId.keys()]).toEqual(['a', 'c']);
  expect(refused.map(({ id, reason }) => `${id}: ${reason}`)).toEqual(['b: the key x is one of the app a already']);
  expect(byKey.get('y')?.id).toBe('c');
});

test('a store of nothing to write has no editor, and a source is loaded when it is opened', async () => {
  const source = new LateSource(async () => ({
    name: 'a table of somebody else',
    writer: undefined,
    open: async () => {},
    close: async () => {},
    revision: async () => '1',
    load: async () => [{ id: 'one', value: makeApp('one'), version: '1' }],
  }));
  await source.close();
  expect(() => source.revision()).toThrow('not open');
  expect(source.name).toBe('the store of the apps');
  const store = new StoredApps(source, logger);
  await store.start(() => {});
  expect(source.name).toBe('a table of somebody else');
  expect(store.editor).toBe(undefined);
  expect(await store.findByKey('key-one')).toEqual(makeApp('one'));
  await store.stop();
});

test('a source that cannot be loaded is an error at the start', async () => {
  const source = new LateSource(async () => {
    throw new Error('no such driver');
  });
  const store = new StoredApps(source, logger);
  await expect(store.start(() => {})).rejects.toThrow('the apps cannot be read: the store of the apps: no such driver');
});

test('each driver makes its store', async () => {
  await using place = await makeFile();
  const redis = { host: '127.0.0.1', port: 1, db: 0, tls: false, prefix: 'x:' };
  const of = (appStore: Parameters<typeof storeOf>[0]['appStore']) => {
    return storeOf({ appStore, redis, apps: [makeApp('one')] }, logger);
  };
  expect(of({ driver: 'config' })).toBeInstanceOf(ConfigAppStore);
  const inFile = of({ driver: 'file', file: place.file });
  await inFile.start(() => {});
  expect(await inFile.list()).toEqual([]);
  await inFile.stop();
  await expect(of({ driver: 'redis' }).start(() => {})).rejects.toThrow('Redis at redis://127.0.0.1:1/0');
  const url = 'postgres://u:hush@127.0.0.1:1/d';
  const inDatabase = of({ driver: 'sql', sql: { url, format: 'fanfare' } }).start(() => {});
  await expect(inDatabase).rejects.toThrow(/^the apps cannot be read: (?!.*hush).*127\.0\.0\.1:1/);
  expect(() => of({ driver: 'file' })).toThrow('appStore.file is not configured');
});

test.each<[string, object]>([
  ['secret', { secret: 'app-secret' }],
  ['keys: 0: secret', { keys: [{ key: 'old', secret: 'app-secret' }] }],
  ['auth: bearer: secret', { auth: { bearer: { secret: 'fanfare-development-token-secret!' }, rules: [] } }],
  ['encryptionMasterKey', { encryptionMasterKey: Buffer.from('fanfare-development-master-key!!').toString('base64') }],
])('an app whose %s everybody knows is refused, unless the server is for development', async (where, known) => {
  await using place = await makeFile();
  await place.write(makeApp('one', known));
  const reason = expect.stringMatching(new RegExp(`^${where}: is the development .* which everybody knows`));
  await using node = await new Node(new Unwatched(place.file)).start();
  expect(node.store.refused()).toEqual([{ id: 'one', reason }]);
  await expect(node.editor.create(makeApp('two', { key: 'two', ...known }))).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('which everybody knows'),
  });
  await using own = await new Node(new Unwatched(place.file), { development: true }).start();
  expect(await own.store.findById('one')).toBeDefined();
});

test('a change that cannot begin in time is refused, and is not made later', async () => {
  await using place = await makeFile();
  const source = new Unwatched(place.file);
  await using node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  const editor = new StoredAppEditor(source.writer, node.store, 50);
  const reading = suspend(source, 'revision');
  const [first, second] = [editor.create(makeApp('one')), editor.create(makeApp('two'))];
  for (const change of [first, second]) {
    await expect(change).rejects.toMatchObject({
      status: 503,
      message: 'Apps cannot be changed now: where they are kept did not answer within 0.05 s.',
    });
  }
  reading.open();
  // In turn, after both.
  await editor.create(makeApp('three'));
  expect((await node.store.list()).map(({ id }) => id)).toEqual(['three']);
});

test('a change whose answer is lost says that it may have been made', async () => {
  await using place = await makeFile();
  const source = new Unwatched(place.file);
  await using node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  const writing = suspend(source.writer, 'insert', 'answer');
  const change = node.editor.create(makeApp('one'));
  await writing.entered;
  writing.fail(new Error('no answer'));
  await expect(change).rejects.toMatchObject({
    status: 503,
    message:
      'Apps cannot be changed now: no answer The change may have been made nevertheless: read the app before you repeat it.',
  });
});

test('an app is read from memory where it is kept does not answer in time', async () => {
  await using place = await makeFile();
  await place.write(makeApp('one'));
  const source = new Unwatched(place.file);
  await using node = await new Node(source, { lookEveryMs: HOUR_MS }).start();
  const reading = suspend(source, 'revision');
  const editor = new StoredAppEditor(source.writer, node.store, 50);
  expect((await editor.read('one')).app).toEqual(makeApp('one'));
  reading.open();
});
