// One pool of connections to PostgreSQL or MySQL through Kysely. Whatever is asked is answered or fails within a deadline,
// with an Error for people; connections that were lost are made anew with the next question.
import { connect, Socket } from 'node:net';
import { CompiledQuery, Kysely, MysqlDialect, PostgresDialect } from 'kysely';
import { createPool } from 'mysql2';
import { Pool } from 'pg';
import { type DatabaseAddress, type DatabaseTls, placeOf } from './address.ts';
import { explain } from './errors.ts';

/** Tables by name; what their rows hold is looked at where they are read. */
export type Tables = Record<string, Record<string, unknown>>;

const CONNECTIONS = 3;

/**
 * Whatever the server's own is: mysql2 writes values into statements, with backslashes before quotes, so that with
 * NO_BACKSLASH_ESCAPES a value could end its string.
 */
const SET_SQL_MODE = "set session sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'";

export class Database {
  readonly address: DatabaseAddress;
  readonly #answerWithinMs: number;
  readonly #sockets = new Set<Socket>();
  readonly #kysely: Kysely<Tables>;
  readonly #unanswered = new Set<(err?: Error) => void>();
  #cuts = 0;
  #closed: Promise<void> | undefined;

  /** Connects to nothing yet. */
  constructor(address: DatabaseAddress, answerWithinMs: number) {
    this.address = address;
    this.#answerWithinMs = answerWithinMs;
    this.#kysely = new Kysely<Tables>({ dialect: address.kind === 'postgres' ? this.#postgres() : this.#mysql() });
  }

  /** @throws Error that says what is wrong, where, and what to do */
  async ask<T>(question: (db: Kysely<Tables>) => Promise<T>, withinMs: number = this.#answerWithinMs): Promise<T> {
    try {
      return await this.#before(question(this.#kysely), withinMs);
    } catch (err) {
      throw explain(err, this.address);
    }
  }

  /** What was asked and not answered fails. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // A pool that is closed forgets who waits for a connection.
    for (const fail of this.#unanswered) fail(new Error(`${placeOf(this.address)} is closed on this side.`));
    try {
      await this.#before(this.#kysely.destroy(), this.#answerWithinMs);
    } catch {
      // It said nothing to our goodbye: its connections are cut.
    }
  }

  /**
   * Both drivers have time-outs for a connection that is being made and none that holds for every query, nor do they let
   * go of a connection that hangs. So the connections are ours: past the deadline all are cut, and what waits for them
   * fails by itself.
   */
  async #before<T>(answer: Promise<T>, withinMs: number): Promise<T> {
    const cuts = this.#cuts;
    let timer: NodeJS.Timeout | undefined;
    let fail: (err?: Error) => void = () => {};
    const deadline = new Promise<never>((_, reject) => {
      fail = reject;
      this.#unanswered.add(fail);
      timer = setTimeout(() => {
        this.#cuts += 1;
        fail();
        for (const socket of this.#sockets) socket.destroy();
      }, withinMs);
    });
    try {
      return await Promise.race([answer, deadline]);
    } catch (err) {
      // Also what failed because another question's deadline was over.
      if (cuts === this.#cuts) throw err;
      throw new Error(
        `${placeOf(this.address)} did not answer within ${withinMs / 1000} s. Is it overloaded or cut off?`,
      );
    } finally {
      this.#unanswered.delete(fail);
      clearTimeout(timer);
    }
  }

  #postgres(): PostgresDialect {
    const { host, port, user, password, database, tls } = this.address;
    const pool = new Pool({
      host,
      port,
      user,
      password,
      database,
      ssl:
        tls === undefined
          ? false
          : { ...tlsOptions(tls), ...(tls.nameVerified ? {} : { checkServerIdentity: () => undefined }) },
      application_name: 'fanfare',
      max: CONNECTIONS,
      stream: () => this.#track(new Socket()),
    });
    // A connection that is lost while nobody asks: the pool drops it, and the next question tells.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    return new PostgresDialect({ pool });
  }

  #mysql(): MysqlDialect {
    const { host, port, user, password, database, tls } = this.address;
    const pool = createPool({
      host,
      port,
      user,
      password,
      database,
      ...(tls === undefined ? {} : { ssl: { ...tlsOptions(tls), verifyIdentity: tls.nameVerified } }),
      charset: 'utf8mb4',
      connectionLimit: CONNECTIONS,
      stream: () => this.#track(connect(port, host)),
    });
    // mysql2 listens to the first error of a connection only; another one would end the process.
    pool.on('connection', (connection) => connection.on('error', () => {}));
    return new MysqlDialect({
      pool,
      onCreateConnection: async (connection) => void (await connection.executeQuery(CompiledQuery.raw(SET_SQL_MODE))),
    });
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true).setKeepAlive(true);
    return socket.once('close', () => this.#sockets.delete(socket));
  }
}

function tlsOptions({ verified, ca, cert, key }: DatabaseTls): object {
  return {
    rejectUnauthorized: verified,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
