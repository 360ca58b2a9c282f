// isolation: what one app's triggers take alone, and while another app on the same server does its worst.
import { setTimeout as delay } from 'node:timers/promises';
import { trigger } from '../api-request.ts';
import { Audience } from '../audience.ts';
import { type Quantiles, quantilesOf } from '../fan-out.ts';
import { type Compose, Load } from '../load.ts';
import type { Case, Figures, Group, Stage } from '../shape.ts';
import { Storm } from '../storm.ts';
import { asNeighbour, LIMITED_EVENTS_PER_SECOND, type Neighbour, type Server } from '../target.ts';
import { CaseFailed } from '../until.ts';

const SOCKETS = 10;
const PER_SECOND = 200;
/** Enough that a request which is due finds one free. */
const CONNECTIONS = 64;
const CONNECTS_PER_SECOND = 500;
const IN_FLIGHT = 64;
const CHANNELS = 100;
const NOTHING_LIMIT_MS = 10_000;

/** What the neighbour does. */
interface Trouble extends Disposable {
  /** What it did so far, and how often it was refused. */
  readonly done: number;
  readonly refused?: number;
  start(): void;
  stop(): Promise<void>;
}

export function isolation(): Group {
  return {
    name: 'isolation',
    title: `Isolation: an app's ${PER_SECOND} triggers a second, alone and beside a neighbour on the same server`,
    columns: [
      { key: 'neighbourPerSecond', title: ['neighb.', 'done/s'] },
      { key: 'refusedPerSecond', title: ['refused', '/s'] },
      { key: 'aloneP50Ms', title: ['alone', 'p50 ms'] },
      { key: 'aloneP99Ms', title: ['', 'p99 ms'] },
      { key: 'besideP50Ms', title: ['beside', 'p50 ms'] },
      { key: 'besideP99Ms', title: ['', 'p99 ms'] },
    ],
    cases: [
      caseOf('isolation-storm', `${CONNECTS_PER_SECOND} connects/s`, 'free', storm),
      caseOf('isolation-flood', `flood, W=${IN_FLIGHT}`, 'free', flood(1)),
      caseOf('isolation-channels', `… to ${CHANNELS} channels`, 'free', flood(CHANNELS)),
      caseOf('isolation-limited', `… limited to ${LIMITED_EVENTS_PER_SECOND}/s`, 'limited', flood(1, true)),
    ],
  };
}

function caseOf(name: string, what: string, neighbour: Neighbour, troubleBy: (neighbour: Server) => Trouble): Case {
  return {
    name,
    what,
    run: async (stage) => {
      const server = await stage.server({ neighbours: true });
      using trouble = troubleBy(asNeighbour(server, neighbour));
      return await run(stage, server, trouble);
    },
  };
}

/** On connections that were there before: a new one waits until the server accepts it, which is another cost. */
async function run(stage: Stage, server: Server, trouble: Trouble): Promise<Figures> {
  const restMs = stage.options.secs * 1000;
  using audience = new Audience({ addresses: [server], app: server.app, channels: 1, sampleEvery: 1 });
  await audience.open(SOCKETS);
  using load = new Load(server, CONNECTIONS, (number, dueUs) => {
    audience.expect(0, number);
    return trigger(server, [0], number, dueUs);
  });
  load.start(PER_SECOND);
  await delay(restMs / 3);
  const alone = await observe(server, load, audience, restMs);
  trouble.start();
  await delay(restMs / 3);
  const before = [trouble.done, trouble.refused ?? 0] as const;
  const beside = await observe(server, load, audience, restMs);
  const neighbourPerSecond = (trouble.done - before[0]) / beside.seconds;
  const refusedPerSecond = ((trouble.refused ?? 0) - before[1]) / beside.seconds;
  await trouble.stop();
  await load.stop();
  await audience.drain();
  if (trouble.done === 0) throw new CaseFailed('the neighbour did nothing');
  return {
    neighbourPerSecond,
    refusedPerSecond,
    aloneP50Ms: alone.answer.p50Ms,
    aloneP99Ms: alone.answer.p99Ms,
    besideP50Ms: beside.answer.p50Ms,
    besideP99Ms: beside.answer.p99Ms,
    aloneLatencyP99Ms: alone.latency.p99Ms,
    besideLatencyP99Ms: beside.latency.p99Ms,
    aloneCores: alone.cores,
    besideCores: beside.cores,
  };
}

interface Observed {
  readonly answer: Quantiles;
  readonly latency: Quantiles;
  /** Processor cores the server took. */
  readonly cores: number;
  readonly seconds: number;
}

/** What the app sees of its triggers for so long; of one at least. */
async function observe(server: Server, load: Load, audience: Audience, forMs: number): Promise<Observed> {
  load.reset();
  audience.latency.reset();
  const fromMs = performance.now();
  const cpuUs = server.usage()?.cpuUs ?? Number.NaN;
  await delay(forMs);
  await audience.until(
    () => load.answers.count > 0 && audience.latency.count > 0,
    NOTHING_LIMIT_MS,
    () => 'no trigger was answered and heard',
  );
  const seconds = (performance.now() - fromMs) / 1000;
  const cores = ((server.usage()?.cpuUs ?? Number.NaN) - cpuUs) / 1e6 / seconds;
  return { answer: quantilesOf(load.answers), latency: quantilesOf(audience.latency), cores, seconds };
}

function storm(neighbour: Server): Trouble {
  return new Storm(neighbour, CONNECTS_PER_SECOND);
}

/** Triggers as fast as they are answered. */
function flood(channels: number, isLimited = false): (neighbour: Server) => Trouble {
  const all = Array.from({ length: channels }, (_, index) => index);
  return (neighbour) => {
    const compose: Compose = (number, dueUs) => trigger(neighbour, all, number, dueUs);
    return new Load(neighbour, IN_FLIGHT, compose, isLimited);
  };
}
