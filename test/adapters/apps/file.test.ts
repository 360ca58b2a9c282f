// Apps in a file: the contract, and what is special about a file that people and several processes edit.
import { execFile } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FileSource } from '../../../src/adapters/apps/file.ts';
import { StoredApps } from '../../../src/adapters/apps/stored-apps.ts';
import { Log } from '../../support/redis.ts';
import { appStoreContract, makeApp, Node, type Place } from './contract.ts';

class Folder implements Place {
  readonly path: string;
  readonly file: string;

  constructor(path: string) {
    this.path = path;
    this.file = join(path, 'apps.json');
  }

  source(): FileSource {
    return new FileSource(this.file);
  }

  async text(): Promise<string> {
    return await readFile(this.file, 'utf8');
  }

  async apps(): Promise<unknown[]> {
    return (JSON.parse(await this.text()) as { apps: unknown[] }).apps;
  }

  async write(_id: string, value: unknown): Promise<void> {
    const apps = await this.apps().catch(() => []);
    await writeFile(this.file, JSON.stringify({ apps: [...apps, value] }));
  }

  /** At once, as careful editors do. */
  async replace(text: string): Promise<void> {
    await writeFile(`${this.file}.new`, text);
    await rename(`${this.file}.new`, this.file);
  }

  async leave(): Promise<void> {
    await rename(this.path, `${this.path}.away`);
  }

  async comeBack(): Promise<void> {
    await rename(`${this.path}.away`, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of [this.path, `${this.path}.away`]) await rm(path, { recursive: true, force: true });
  }
}

async function makeFolder(): Promise<Folder> {
  return new Folder(await mkdtemp(join(tmpdir(), 'fanfare-apps-')));
}

const nodeOn = (folder: Folder) => new Node(folder.source(), { lookEveryMs: 50 }).start();

appStoreContract('a file', makeFolder);

describe('the file of the apps', () => {
  test('is made with no apps where there is none, for nobody else to read', async () => {
    await using folder = await makeFolder();
    await using _ = await nodeOn(folder);
    expect(await folder.text()).toBe('{ "apps": [] }\n');
    expect((await stat(folder.file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(['apps.json']);
  });

  test('is made once by processes that start together, and is as it was where there is one', async () => {
    await using folder = await makeFolder();
    await Promise.all(Array.from({ length: 8 }, () => folder.source().open()));
    await using node = await nodeOn(folder);
    await node.editor.create(makeApp('one'));
    await folder.source().open();
    expect(await folder.apps()).toHaveLength(1);
  });

  test('keeps its mode, what else is in it, and nothing beside it', async () => {
    await using folder = await makeFolder();
    await writeFile(folder.file, JSON.stringify({ note: 'ours', apps: [] }));
    await chmod(folder.file, 0o640);
    await using node = await nodeOn(folder);
    await node.editor.create(makeApp('one'));
    expect(JSON.parse(await folder.text())).toMatchObject({ note: 'ours', apps: [{ id: 'one' }] });
    expect((await stat(folder.file)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder.path)).toEqual(['apps.json']);
  });

  test('may be behind a symbolic link, which stays one', async () => {
    await using folder = await makeFolder();
    await writeFile(join(folder.path, 'real.json'), '{"apps":[]}');
    await symlink('real.json', folder.file);
    await using node = await nodeOn(folder);
    await node.editor.create(makeApp('one'));
    expect(await readFile(join(folder.path, 'real.json'), 'utf8')).toContain('key-one');
    expect(await folder.apps()).toHaveLength(1);
  });

  test('may become a symbolic link while it is in use, which stays one', async () => {
    await using folder = await makeFolder();
    await using node = await nodeOn(folder);
    const real = join(folder.path, 'real.json');
    await rename(folder.file, real);
    await symlink('real.json', folder.file);
    await node.editor.create(makeApp('one'));
    expect((await lstat(folder.file)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toContain('key-one');
  });

  test('may begin with a byte order mark, and is refused where it is not UTF-8', async () => {
    await using folder = await makeFolder();
    await writeFile(folder.file, `\uFEFF${JSON.stringify({ apps: [makeApp('one')] })}`);
    await using node = await nodeOn(folder);
    expect(await node.store.findById('one')).toEqual(makeApp('one'));
    const unread = node.log.next('changes of apps are not noticed for now');
    await writeFile(folder.file, Buffer.from('{"apps":[{"id":"two","key":"k","secret":"s","name":"\xff"}]}', 'latin1'));
    expect(await unread).toMatchObject({ reason: `${folder.file} is not valid UTF-8` });
    expect((await node.store.list()).map(({ id }) => id)).toEqual(['one']);
  });

  test('is read again at once when somebody edits it, without waiting for the next look', async () => {
    await using folder = await makeFolder();
    await using node = new Node(folder.source(), { lookEveryMs: 3_600_000 });
    await node.start();
    await folder.write('one', makeApp('one'));
    await node.changed('one');
    expect(await node.store.findByKey('key-one')).toEqual(makeApp('one'));
  });

  test.each([
    ['{ "apps": [{ "id": "one", "secret": "hush" } oops', /is not valid JSON/],
    ['', /is not valid JSON/],
    ['[]', /must hold an object with a list of apps: { "apps": \[\] }/],
    ['{"apps":{}}', /must hold an object with a list of apps/],
    ['null', /must hold an object with a list of apps/],
  ])('that holds %j is no reason to forget the apps, and is not written over', async (text, reason) => {
    await using folder = await makeFolder();
    await using node = await nodeOn(folder);
    await node.editor.create(makeApp('one'));
    const lost = node.log.next('changes of apps are not noticed for now');
    await folder.replace(text);
    expect(await lost).toMatchObject({ reason: expect.stringMatching(reason) });
    expect(node.store.trouble()).toMatch(reason);
    expect(node.store.trouble()).not.toContain('hush');
    expect(await node.store.findByKey('key-one')).toEqual(makeApp('one'));
    await expect(node.editor.create(makeApp('two'))).rejects.toMatchObject({ status: 503 });
    expect(await folder.text()).toBe(text);
    const back = node.log.next('changes of apps are noticed again');
    await folder.replace(JSON.stringify({ apps: [makeApp('three')] }));
    await back;
    expect((await node.store.list()).map(({ id }) => id)).toEqual(['three']);
  });

  test('with records that are nothing, or of one id, serves the others', async () => {
    await using folder = await makeFolder();
    const apps = [null, 7, 'app', { key: 'k' }, makeApp('one'), makeApp('one', { key: 'other' })];
    await writeFile(folder.file, JSON.stringify({ apps }));
    await using node = await nodeOn(folder);
    expect((await node.store.list()).map(({ id }) => id)).toEqual(['one']);
    expect(node.store.refused().map(({ id }) => id)).toEqual(['apps[0]', 'apps[1]', 'apps[2]', 'apps[3]', 'one']);
    expect(node.store.refused().at(-1)?.reason).toBe('another record has this id too');
  });

  test('that cannot be made or read is an error at the start', async () => {
    await using folder = await makeFolder();
    const start = (path: string) => new StoredApps(new FileSource(path), new Log().logger).start(() => {});
    const nowhere = join(folder.path, 'no', 'apps.json');
    await expect(start(nowhere)).rejects.toThrow(
      `the apps cannot be read: ${nowhere} cannot be made: its folder does not exist`,
    );
    await expect(start(folder.path)).rejects.toThrow('EISDIR');
    await writeFile(folder.file, '{');
    await expect(start(folder.file)).rejects.toThrow(`the apps cannot be read: ${folder.file} is not valid JSON`);
  });

  test('is written by one process at a time, and nobody loses what another wrote', { timeout: 60_000 }, async () => {
    await using folder = await makeFolder();
    await writeFile(folder.file, '{"apps":[]}');
    const program = `
      const { FileSource } = await import(${JSON.stringify(new URL('../../../dist/adapters/apps/file.js', import.meta.url).href)});
      const source = new FileSource(process.argv[1]);
      await source.open();
      for (let n = 0; n < 10; n += 1) await source.writer.insert(process.argv[2] + n, { id: process.argv[2] + n });`;
    const write = (name: string) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, folder.file, name]);
    await Promise.all(['a', 'b', 'c'].map(write));
    expect(await folder.apps()).toHaveLength(30);
    expect(await readdir(folder.path)).toEqual(['apps.json']);
  });

  test('has no key twice, not even of processes that write at the same moment', async () => {
    await using folder = await makeFolder();
    await writeFile(folder.file, JSON.stringify({ apps: [null, { id: 'hand', key: 7, keys: [{ key: 'taken' }, 7] }] }));
    const { writer } = folder.source();
    const refused = { status: 409, message: 'The key taken is one of the app hand already.' };
    await expect(writer.insert('one', makeApp('one', { key: 'taken' }))).rejects.toMatchObject(refused);
    await writer.insert('one', makeApp('one'));
    const pairs = { keys: [{ key: 'taken', secret: 's' }] };
    await expect(writer.update('one', makeApp('one', pairs), undefined)).rejects.toMatchObject(refused);
    expect(await writer.update('hand', makeApp('hand', pairs), undefined)).toHaveProperty('version');
  });

  test('is written although a process died while it held the lock', async () => {
    await using folder = await makeFolder();
    await using node = await nodeOn(folder);
    const lock = `${folder.file}.lock`;
    await writeFile(lock, '');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    await node.editor.create(makeApp('one'));
    expect(await readdir(folder.path)).toEqual(['apps.json']);
  });
});
