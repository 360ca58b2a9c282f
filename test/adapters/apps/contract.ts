// What every store of apps keeps, whatever it is over: run for each source with a place of its own.
import { EventEmitter, once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { AppSource } from '../../../src/adapters/apps/source.ts';
import { StoredApps, type StoredAppsOptions } from '../../../src/adapters/apps/stored-apps.ts';
import { type App, appSchema } from '../../../src/core/app.ts';
import type { AppEditor } from '../../../src/core/app-store.ts';
import { RequestError } from '../../../src/protocol/errors.ts';
import { Log } from '../../support/redis.ts';

/** Where apps are kept: empty when made. */
export interface Place extends AsyncDisposable {
  /** A new way to it, as another server has. */
  source(): AppSource;
  /** Puts a record there by hand, of whatever: another version of it each time. */
  write(id: string, value: unknown): Promise<void>;
  /** Nobody reaches it any more… */
  leave(): Promise<void>;
  /** …and all of it is there again. */
  comeBack(): Promise<void>;
}

type AppInput = Partial<z.input<typeof appSchema>>;

export function makeApp(id: string, settings: AppInput = {}): App {
  return appSchema.parse({ id, key: `key-${id}`, secret: `secret-${id}`, ...settings });
}

/** A started store, and the ids it told as changed. */
export class Node implements AsyncDisposable {
  readonly store: StoredApps;
  readonly log = new Log();
  readonly changes: string[] = [];
  readonly #told = new EventEmitter().setMaxListeners(0);

  constructor(source: AppSource, options?: StoredAppsOptions) {
    this.store = new StoredApps(source, this.log.logger, options);
  }

  get editor(): AppEditor {
    const { editor } = this.store;
    if (editor === undefined) throw new Error('this store cannot be changed');
    return editor;
  }

  async start(): Promise<this> {
    await this.store.start((id) => {
      this.changes.push(id);
      this.#told.emit('change');
    });
    return this;
  }

  /** Resolves when the app was told as changed so many times, from the start on. */
  async changed(id: string, times = 1): Promise<void> {
    while (this.changes.filter((other) => other === id).length < times) {
      await once(this.#told, 'change');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.stop();
  }
}

const OFTEN: StoredAppsOptions = { lookEveryMs: 50 };

const failureOf = async (work: Promise<unknown>): Promise<RequestError> => {
  const err = await work.then(
    () => undefined,
    (err: unknown) => err,
  );
  expect(err).toBeInstanceOf(RequestError);
  return err as RequestError;
};

export function appStoreContract(name: string, make: () => Promise<Place>): void {
  const nodeOn = (place: Place, options = OFTEN) => new Node(place.source(), options).start();

  describe(`apps in ${name}`, () => {
    test('are none at first', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      expect(await node.store.list()).toEqual([]);
      expect(await node.store.findById('one')).toBe(undefined);
      expect(await node.store.findByKey('key-one')).toBe(undefined);
      expect([node.store.trouble(), node.store.refused()]).toEqual([undefined, []]);
    });

    test('count where they are created at once, and are found by each key that is good', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      const keys = [
        { key: 'further', secret: 's' },
        { key: 'until', secret: 's', notAfter: '2999-01-01T00:00:00+02:00' },
        { key: 'ended', secret: 's', notAfter: '2020-01-01T00:00:00Z' },
      ];
      const app = makeApp('one', { keys, name: 'Zwölf “Boxkämpfer” 🎺 \\ \'";--' });
      const { app: created, version } = await node.editor.create(app);
      expect(created).toEqual(app);
      expect(node.changes).toEqual(['one']);
      expect(await node.editor.read('one')).toEqual({ app, version });
      for (const key of ['key-one', 'further', 'until']) expect(await node.store.findByKey(key)).toEqual(app);
      expect(await node.store.findByKey('ended')).toBe(undefined);
      expect(await node.store.findById('one')).toEqual(app);
    });

    test('that others create, replace and remove are noticed, with nothing but the defaults', async () => {
      await using place = await make();
      await using node = await nodeOn(place, {});
      await using other = await nodeOn(place, {});
      await node.editor.create(makeApp('one'));
      await other.changed('one');
      expect(await other.store.findById('one')).toEqual(makeApp('one'));
      await node.editor.replace(makeApp('one', { key: 'new', enabled: false }), undefined);
      await other.changed('one', 2);
      expect(await other.store.findByKey('new')).toMatchObject({ id: 'one', enabled: false });
      expect(await other.store.findByKey('key-one')).toBe(undefined);
      await node.editor.remove('one', undefined);
      await other.changed('one', 3);
      expect(await other.store.list()).toEqual([]);
    });

    test('are all there for who starts later', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      for (const id of ['b', 'a', 'c']) await node.editor.create(makeApp(id));
      await using later = await nodeOn(place);
      expect(await later.store.list()).toEqual(['a', 'b', 'c'].map((id) => makeApp(id)));
      expect(later.changes).toEqual([]);
    });

    test('are replaced and removed by who has seen what is there, and by nobody else', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      const first = await node.editor.create(makeApp('one'));
      const second = await node.editor.replace(makeApp('one', { name: 'second' }), first.version);
      expect(second.version).not.toBe(first.version);
      const replacing = node.editor.replace(makeApp('one', { name: 'third' }), first.version);
      expect(await failureOf(replacing)).toMatchObject({ status: 409, message: expect.stringContaining('one') });
      expect(await failureOf(node.editor.remove('one', first.version))).toMatchObject({ status: 409 });
      expect(await node.editor.read('one')).toEqual(second);
      await node.editor.remove('one', second.version);
      expect(await node.store.findById('one')).toBe(undefined);
      expect(node.changes).toEqual(['one', 'one', 'one']);
    });

    test('that are not there cannot be read, replaced or removed', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      const missing = { status: 404, message: 'No matching application for ID [one].' };
      expect(await failureOf(node.editor.read('one'))).toMatchObject(missing);
      expect(await failureOf(node.editor.replace(makeApp('one'), undefined))).toMatchObject(missing);
      expect(await failureOf(node.editor.remove('one', undefined))).toMatchObject(missing);
    });

    test('share no id and no key, not even with what another server has just made', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await using other = await nodeOn(place, { lookEveryMs: 3_600_000 });
      await node.editor.create(makeApp('one', { keys: [{ key: 'further', secret: 's' }] }));
      const refusals = [
        await failureOf(other.editor.create(makeApp('one', { key: 'another' }))),
        await failureOf(other.editor.create(makeApp('two', { key: 'further' }))),
        await failureOf(other.editor.create(makeApp('two', { keys: [{ key: 'key-one', secret: 's' }] }))),
      ];
      expect(refusals.map(({ status }) => status)).toEqual([409, 409, 409]);
      expect(refusals[1]?.message).toBe('The key further is one of the app one already.');
      await other.editor.create(makeApp('two'));
      const renamed = node.editor.replace(makeApp('one', { key: 'key-two' }), undefined);
      expect(await failureOf(renamed)).toMatchObject({ status: 409 });
      // A key that was let go is anybody's.
      await node.editor.replace(makeApp('one'), undefined);
      await other.editor.create(makeApp('three', { key: 'further' }));
    });

    test('that are none are not written', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      const none = { ...makeApp('one'), secret: '' };
      expect(await failureOf(node.editor.create(none))).toMatchObject({
        status: 400,
        message: expect.stringMatching(/^This is no app: secret: /),
      });
      const twice = makeApp('one', { keys: [{ key: 'key-one', secret: 's' }] });
      expect(await failureOf(node.editor.create(twice))).toMatchObject({ status: 400 });
      expect(await node.store.list()).toEqual([]);
    });

    test('are all kept when many write at a time', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await using other = await nodeOn(place);
      const ids = Array.from({ length: 12 }, (_, index) => `app-${index + 10}`);
      await Promise.all(ids.map((id, index) => [node, other][index % 2]!.editor.create(makeApp(id))));
      await Promise.all(ids.map((id) => Promise.all([node.changed(id), other.changed(id)])));
      for (const { store } of [node, other]) expect((await store.list()).map(({ id }) => id)).toEqual(ids);
    });

    test('are changed by one of those who change the same version at a time', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await using other = await nodeOn(place);
      const { version } = await node.editor.create(makeApp('one'));
      const writing = ['a', 'b', 'c', 'd'].map((name, index) =>
        [node, other][index % 2]!.editor.replace(makeApp('one', { name }), version),
      );
      const outcomes = await Promise.allSettled(writing);
      const written = outcomes.filter(({ status }) => status === 'fulfilled');
      expect(written).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ status: 409 });
      }
      const stored = (written[0] as PromiseFulfilledResult<unknown>).value;
      expect([await node.editor.read('one'), await other.editor.read('one')]).toEqual([stored, stored]);
    });

    test('are told as changed when they are, and not when the same was written again', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await using other = await nodeOn(place);
      await node.editor.create(makeApp('one'));
      await other.changed('one');
      await node.editor.replace(makeApp('one'), undefined);
      await node.editor.create(makeApp('two'));
      await other.changed('two');
      expect([node.changes, other.changes]).toEqual([
        ['one', 'two'],
        ['one', 'two'],
      ]);
    });

    test('that fail the schema are refused with the reason, which is logged once, and the others serve', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await node.editor.create(makeApp('good'));
      const refused = node.log.next('an app was refused');
      await place.write('bad', { id: 'bad', key: 'bad key', secret: 'hush', limits: { connections: -1 } });
      expect(await refused).toMatchObject({ level: 40, appId: 'bad', reason: expect.stringMatching(/key: may hold/) });
      await node.editor.create(makeApp('other'));
      expect((await node.store.list()).map(({ id }) => id)).toEqual(['good', 'other']);
      expect(node.store.refused()).toEqual([{ id: 'bad', reason: expect.stringContaining('limits: connections') }]);
      expect(JSON.stringify([node.log.entries, node.store.refused()])).not.toContain('hush');
      expect(node.log.count('an app was refused')).toBe(1);
      expect(await failureOf(node.editor.read('bad'))).toMatchObject({ status: 404 });
      // What is repaired serves.
      await node.editor.replace(makeApp('bad'), undefined);
      expect(await node.store.findByKey('key-bad')).toEqual(makeApp('bad'));
      expect(node.store.refused()).toEqual([]);
    });

    test.each([
      [
        'a key twice',
        'twice',
        makeApp('twice', { keys: [{ key: 'key-twice', secret: 's' }] }),
        'key-twice is there twice',
      ],
      [
        'no PEM',
        'pem',
        { ...makeApp('pem'), auth: { bearer: { publicKey: 'PEM' } } },
        'publicKey: is not a public key',
      ],
    ])('with %s are refused', async (_, id, value, reason) => {
      await using place = await make();
      await place.write(id, value);
      await using node = await nodeOn(place);
      expect(node.store.refused()).toEqual([{ id, reason: expect.stringContaining(reason) }]);
    });

    test('with a key in common: the first by id has it, until it lets go', async () => {
      await using place = await make();
      await place.write('b', makeApp('b', { key: 'shared' }));
      await place.write('a', makeApp('a', { keys: [{ key: 'shared', secret: 's' }] }));
      await using node = await nodeOn(place);
      expect(await node.store.findByKey('shared')).toMatchObject({ id: 'a' });
      expect(node.store.refused()).toEqual([{ id: 'b', reason: 'the key shared is one of the app a already' }]);
      await node.editor.replace(makeApp('a'), undefined);
      expect(await node.store.findByKey('shared')).toMatchObject({ id: 'b' });
      expect(node.changes).toEqual(['a', 'b']);
    });

    test('that cannot be reached at the start are an error that says where and why', async () => {
      await using place = await make();
      const source = place.source();
      await place.leave();
      const store = new StoredApps(source, new Log().logger);
      await expect(store.start(() => {})).rejects.toThrow(/^the apps cannot be read: .*/);
      await store.stop();
    });

    test('serve on while nobody reaches them, which is logged once, and are noticed again when they are back', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await using other = await nodeOn(place);
      await node.editor.create(makeApp('one'));
      await other.changed('one');
      const lost = [node, other].map(({ log }) => log.next('changes of apps are not noticed for now'));
      await place.leave();
      for (const entry of await Promise.all(lost)) expect(entry).toMatchObject({ level: 40 });
      expect(other.store.trouble()).toMatch(/^Changes of apps are not noticed since \d{4}-.*Z: ./);
      expect(await other.store.findByKey('key-one')).toEqual(makeApp('one'));
      expect(await failureOf(other.editor.create(makeApp('two')))).toMatchObject({ status: 503 });
      expect((await other.editor.read('one')).app).toEqual(makeApp('one'));
      await other.store.look();
      const back = [node, other].map(({ log }) => log.next('changes of apps are noticed again'));
      await place.comeBack();
      for (const entry of await Promise.all(back)) expect(entry).toMatchObject({ level: 30 });
      expect(other.store.trouble()).toBe(undefined);
      expect(other.log.count('changes of apps are not noticed for now')).toBe(1);
      await node.editor.create(makeApp('two'));
      await other.changed('two');
      expect(other.changes).toEqual(['one', 'two']);
    });

    test('can be stopped twice', async () => {
      await using place = await make();
      await using node = await nodeOn(place);
      await node.store.stop();
      await node.store.stop();
      // What was known is known.
      expect(await node.store.list()).toEqual([]);
    });
  });
}
