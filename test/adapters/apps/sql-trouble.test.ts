// Databases that cannot be reached, refuse, stand still or are restarted: every one an Error for people, never a hang and
// never with the password.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppSource, AppWriter } from '../../../src/adapters/apps/source.ts';
import { sqlSource } from '../../../src/adapters/apps/sql/source.ts';
import { DATABASE, type TestDatabase } from '../../support/database-server.ts';
import { startMariadb } from '../../support/mariadb.ts';
import { startPostgres } from '../../support/postgres.ts';
import { freePort } from '../../support/redis.ts';
import { makeApp, Node } from './contract.ts';

describe.each([
  ['PostgreSQL', startPostgres],
  ['MariaDB', startMariadb],
])('%s', (_, start) => {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  function node({ url = server.url, table = 'fanfare_apps', answerWithinMs = 5000 } = {}): AppSource {
    const source = sqlSource({ url, table, format: 'fanfare', answerWithinMs });
    onTestFinished(() => source.close());
    return source;
  }

  /** Why it failed, after a look that nothing is in it that must not be. */
  async function reasonOf(answer: Promise<unknown> | undefined): Promise<string> {
    const error = await Promise.resolve(answer).then(
      () => new Error('it did not fail'),
      (reason: Error) => reason,
    );
    const all = JSON.stringify([error.message, error.stack, error.cause, Object.values(error)]);
    for (const secret of [DATABASE.password, encodeURIComponent(DATABASE.password), 'wrong-s3cret']) {
      expect(all).not.toContain(secret);
    }
    return error.message;
  }

  const place = (port = server.port, database: string = DATABASE.name): string =>
    `${server.kind === 'postgres' ? 'PostgreSQL' : 'MySQL or MariaDB'} at 127.0.0.1:${port}, database "${database}"`;

  it('is told from a host that cannot be reached', async () => {
    const port = await freePort();
    const source = node({ url: server.url.replace(`:${server.port}`, `:${port}`) });
    expect(await reasonOf(source.open())).toContain(`${place(port)} cannot be reached. Is it running`);
    // As often as somebody asks: more often than there are connections.
    for (let time = 0; time < 5; time += 1) expect(await reasonOf(source.revision())).toContain('cannot be reached');
  });

  it('is told from something else that listens there', async () => {
    await using stranger = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'.repeat(9)),
    );
    await once(stranger.listen(0, '127.0.0.1'), 'listening');
    const { port } = stranger.address() as AddressInfo;
    const source = node({ url: server.url.replace(`:${server.port}`, `:${port}`) });
    for (let time = 0; time < 5; time += 1) expect(await reasonOf(source.open())).toContain(place(port));
  });

  it('says things unasked, which harms nobody', async () => {
    const sockets: Socket[] = [];
    await using between = createServer((socket) => {
      const database = connect(server.port, '127.0.0.1');
      sockets.push(socket);
      for (const end of [socket, database]) end.on('error', () => {}).on('close', () => database.destroy());
      socket.pipe(database).pipe(socket);
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const { port } = between.address() as AddressInfo;
    const source = node({ url: server.url.replace(`:${server.port}`, `:${port}`) });
    await source.open();
    for (const socket of sockets) {
      // Whole packets of MySQL, and nothing that PostgreSQL knows.
      socket.end(Buffer.from([1, 0, 0, 0, 7, 1, 0, 0, 1, 7, 1, 0, 0, 2, 7]));
      await once(socket, 'close');
    }
    expect(await source.load()).toEqual([]);
    await source.close();
  });

  it('refuses a wrong password and an unknown user', async () => {
    const password = server.url.replace(encodeURIComponent(DATABASE.password), 'wrong-s3cret');
    const user = server.url.replace(`//${DATABASE.user}:`, '//nobody:');
    for (const url of [password, user]) {
      expect(await reasonOf(node({ url }).open())).toContain(`${place()} refused the user or the password.`);
    }
  });

  it('has no such database', async () => {
    const url = server.url.replace(/shop$/, 'shopp');
    expect(await reasonOf(node({ url }).open())).toContain(`${place(server.port, 'shopp')} does not exist there.`);
  });

  it('gives no right to make tables', async () => {
    await server.run(`create user guest ${server.kind === 'postgres' ? 'password' : 'identified by'} 'wrong-s3cret'`);
    if (server.kind === 'mysql') await server.run(`grant select on ${DATABASE.name}.* to guest`);
    const url = server.url.replace(/\/\/[^@]+@/, '//guest:wrong-s3cret@');
    const reason = await reasonOf(node({ url, table: 'guests' }).open());
    expect(reason).toContain(`${place()} does not let this user do that. GRANT the user the right`);
  });

  it('lost its table in between', async () => {
    const source = node({ table: 'lost' });
    await source.open();
    await server.run('drop table lost');
    const answers = [source.revision(), source.load(), source.writer?.insert('a', { key: 'k' })];
    for (const reason of await Promise.all(answers.map(reasonOf))) {
      expect(reason).toContain(`${place()} has no such table or column.`);
    }
  });

  it.each([
    ['the apps', 'drop table TABLE'],
    ['the lock', 'drop table TABLE_lock'],
    ['the row that is locked', 'delete from TABLE_lock'],
    ['all but the list of migrations', 'drop table TABLE, TABLE_lock'],
  ])('is made whole at the start where %s is missing', async (what, statement) => {
    const table = `part_${what.replaceAll(' ', '_').slice(0, 20)}`;
    const before = node({ table });
    await before.open();
    await before.writer?.insert('a', { key: 'k' });
    await server.run(statement.replaceAll('TABLE', table));
    // Several that start at once.
    const nodes = [node({ table }), node({ table })];
    await Promise.all(nodes.map((source) => source.open()));
    const kept = /drop table TABLE(,|$)/.test(statement) ? [] : ['a'];
    expect((await nodes[0]?.load())?.map(({ id }) => id)).toEqual(kept);
    expect(await nodes[1]?.writer?.insert('b', { key: 'l' })).toEqual({ version: expect.any(String) });
  });

  it('does not write half of a change, and the next one goes through', async () => {
    const source = node({ table: 'halves' });
    await source.open();
    const { writer } = source as { writer: AppWriter };
    // More often than there are connections: each must be given back.
    for (let time = 0; time < 5; time += 1) {
      expect(await reasonOf(writer.insert('x'.repeat(300), { secret: 'wrong-s3cret' }))).toContain(
        `${place()} refused. It says:`,
      );
    }
    expect(await source.load()).toEqual([]);
    expect(await writer.insert('a', {})).toEqual({ version: expect.any(String) });
  });

  it('leaves nothing unanswered when it is closed', async () => {
    const source = node({ answerWithinMs: 3_600_000 });
    await source.open();
    const answers = [
      source.revision(),
      source.load(),
      source.revision(),
      source.load(),
      source.writer?.remove('a', '1'),
    ];
    const reasons = Promise.all(answers.map(reasonOf));
    await source.close();
    expect(await reasons).toEqual(answers.map(() => `${place()} is closed on this side.`));
  });

  it('answers again after it was restarted', async () => {
    const source = node();
    await source.open();
    await source.writer?.insert('a', { key: 'k' });
    const revision = await source.revision();
    await server.kill(server.kind === 'postgres' ? 'SIGINT' : 'SIGTERM');
    for (let time = 0; time < 5; time += 1) {
      expect(await reasonOf(source.revision())).toMatch(/cannot be reached|closed the connection/);
    }
    await server.start();
    expect(await source.revision()).toBe(revision);
    expect((await source.load()).map(({ id }) => id)).toEqual(['a']);
  });

  it('is an error within the deadline while it stands still, and answers when it goes on', async () => {
    const asked = node({ table: 'still', answerWithinMs: 1000 });
    await asked.open();
    const revision = await asked.revision();
    const idle = node({ table: 'still', answerWithinMs: 1000 });
    await idle.open();
    const late = node({ table: 'still', answerWithinMs: 1000 });
    await server.standStill();
    try {
      const answers = [
        asked.revision(),
        asked.load(),
        asked.writer?.update('a', {}, undefined),
        asked.revision(),
        late.open(),
      ];
      for (const reason of await Promise.all(answers.map(reasonOf))) {
        expect(reason).toBe(`${place()} did not answer within 1 s. Is it overloaded or cut off?`);
      }
      const first = reasonOf(asked.revision());
      // What is asked a little later is cut with it, and is told the same.
      for (let time = 0; time < 20; time += 1) await freePort();
      for (const reason of await Promise.all([reasonOf(asked.load()), first])) {
        expect(reason).toContain('did not answer within 1 s');
      }
      await idle.close();
    } finally {
      server.goOn();
    }
    expect(await asked.revision()).toBe(revision);
    await late.open();
    expect(await late.revision()).toBe(revision);
  });

  it('takes no change while it stands still, and makes none later', async () => {
    await using running = await new Node(node({ table: 'waits', answerWithinMs: 1000 }), { lookEveryMs: 50 }).start();
    await running.editor.create(makeApp('one'));
    await server.standStill();
    try {
      for (const change of [
        running.editor.replace(makeApp('one', { name: 'late' }), undefined),
        running.editor.remove('one', undefined),
      ]) {
        await expect(change).rejects.toMatchObject({ status: 503, message: expect.stringContaining('did not answer') });
      }
    } finally {
      server.goOn();
    }
    await running.editor.create(makeApp('two'));
    expect((await running.editor.read('one')).app).toEqual(makeApp('one'));
  });

  it('is an error within the deadline while somebody else holds what is to be written', async () => {
    const source = node({ table: 'held', answerWithinMs: 1000 });
    await source.open();
    const { writer } = source as { writer: AppWriter };
    await writer.insert('a', { key: 'k' });
    const revision = await source.revision();
    {
      await using _ = await server.hold("update held set record = 'held'");
      expect(await reasonOf(writer.update('a', { key: 'l' }, undefined))).toContain('did not answer within 1 s');
      // Who only reads is not held up.
      expect(await source.revision()).toBe(revision);
    }
    expect(await writer.update('a', { key: 'm' }, undefined)).toEqual({ version: expect.stringMatching(/^2-/) });
    expect(await source.revision()).not.toBe(revision);
  });
});
