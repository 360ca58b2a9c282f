// A place for a worker, with real workers of the built program, which `npm test` builds first.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Primary } from '../../src/adapters/ipc/primary.ts';
import type { Config } from '../../src/config/schema.ts';
import { restartDelayMs, Seat } from '../../src/workers/seat.ts';
import { loaded } from '../config/loading.ts';
import { Log } from '../support/redis.ts';

cluster.setupPrimary({ exec: 'dist/workers/worker.js', args: [], execArgv: [], serialization: 'advanced' });

const config: Config = {
  ...loaded({ flags: { dev: true, port: '0' } }).config,
  log: { level: 'silent', format: 'json' },
};

/** The worker that was forked last. */
const latest = () => Object.values(cluster.workers ?? {}).at(-1) as Worker;

/** Without a primary no worker gets an answer, and so none is ever up. */
function takeSeat(primary?: Primary) {
  const log = new Log();
  const seat = new Seat({ config, primary }, log.logger);
  return { seat, log, [Symbol.asyncDispose]: () => seat.stop() };
}

async function startPrimary() {
  const log = new Log();
  const primary = new Primary(log.logger);
  await primary.start();
  return { primary, [Symbol.asyncDispose]: () => primary.stop() };
}

test('a write that comes too late for a worker that is dying harms nobody', async () => {
  await using shared = await startPrimary();
  await using taken = takeSeat(shared.primary);
  await taken.seat.start();
  latest().process.emit('error', new Error('write EPIPE'));
  expect(latest().isConnected()).toBe(true);
  expect(taken.log.entries).toEqual([]);
});

test('a worker whose process could not be made is followed by another', async () => {
  await using shared = await startPrimary();
  await using taken = takeSeat(shared.primary);
  await taken.seat.start();
  const { execPath } = process;
  process.execPath = '/nowhere/node';
  try {
    const ended = taken.log.next('a worker ended, another one takes its place');
    latest().process.kill('SIGKILL');
    expect(await ended).toMatchObject({ level: 40, signal: 'SIGKILL', restartInMs: 1000 });
    const again = await taken.log.next('a worker ended, another one takes its place');
    expect(again).toMatchObject({ restartInMs: 2000, err: { code: 'ENOENT' } });
  } finally {
    process.execPath = execPath;
  }
  const [worker] = (await once(cluster, 'fork')) as [Worker];
  const [report] = await once(worker, 'message');
  expect(report).toEqual({ type: 'here' });
});

test('a start for which no process could be made fails', async () => {
  const { execPath } = process;
  process.execPath = '/nowhere/node';
  try {
    await expect(takeSeat().seat.start()).rejects.toThrow('ENOENT');
  } finally {
    process.execPath = execPath;
  }
});

test('a start fails when the worker ends before it is up, and says how', async () => {
  await using taken = takeSeat();
  const start = taken.seat.start();
  latest().process.kill('SIGKILL');
  await expect(start).rejects.toThrow('a worker ended with SIGKILL before it was up');
  expect(taken.log.entries).toEqual([]);
});

test('a start ends when it is told to stop', async () => {
  const { seat } = takeSeat();
  const start = seat.start();
  const { process } = latest();
  const outcome = expect(start).rejects.toThrow('it was told to stop');
  await seat.stop();
  await outcome;
  expect(process.signalCode).toBe('SIGKILL');
});

test('nobody takes a seat that was told to stop before', async () => {
  const { seat } = takeSeat();
  await seat.stop();
  const before = latest();
  await expect(seat.start()).rejects.toThrow('it was told to stop');
  expect(latest()).toBe(before);
});

test.each([
  { livedMs: 10_000, previousMs: 0, delayMs: 0 },
  { livedMs: 10_000, previousMs: 30_000, delayMs: 0 },
  { livedMs: 9999, previousMs: 0, delayMs: 1000 },
  { livedMs: 0, previousMs: 1000, delayMs: 2000 },
  { livedMs: 0, previousMs: 16_000, delayMs: 30_000 },
  { livedMs: 0, previousMs: 30_000, delayMs: 30_000 },
])(
  'after a life of $livedMs ms, and a delay of $previousMs, the next worker starts in $delayMs',
  ({ delayMs, ...given }) => {
    expect(restartDelayMs(given.previousMs, given.livedMs)).toBe(delayMs);
  },
);
