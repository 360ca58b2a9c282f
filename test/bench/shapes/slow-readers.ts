// slow-readers: sockets stop reading under a stream of large events. Each may keep the server's limit waiting and is then
// closed: the server's memory stays below all limits together, and comes back; those who read go on as before.
import { setTimeout as delay } from 'node:timers/promises';
import { trigger } from '../api-request.ts';
import { Audience } from '../audience.ts';
import { type Quantiles, quantilesOf } from '../fan-out.ts';
import { Load } from '../load.ts';
import { type Case, count, type Figures, type Group, type Stage } from '../shape.ts';
import { Sleepers } from '../sleepers.ts';
import { slowReadersClosed } from '../stats.ts';
import type { Server } from '../target.ts';
import { CaseFailed } from '../until.ts';

const MOST_SLEEPERS = 1000;
/** Hosted Pusher's limit for the data of an event. */
const EVENT_BYTES = 10_240;
/** The configuration's default. */
const LIMIT_BYTES = 1_048_576;
/** Of one event. */
const MOST_CHANNELS = 100;
const CONNECTIONS = 16;
const POLL_MS = 50;
const CLOSED_LIMIT_MS = 120_000;

interface Sizes {
  readonly sleepers: number;
  readonly readers: number;
  readonly channels: number;
  /** To all sockets together: enough that the kernel's buffers, up to 4 MB a socket on Linux, are full in about 15 s. */
  readonly mbPerSecond: number;
}

export function slowReaders(conns: number): Group {
  const most = Math.min(conns, MOST_SLEEPERS);
  const shared = { sleepers: most, readers: Math.ceil(most / 10), channels: 1, mbPerSecond: 200 };
  const fifth = Math.ceil(most / 5);
  const apart = { sleepers: fifth, readers: Math.ceil(fifth / 10), channels: fifth, mbPerSecond: 60 };
  return {
    name: 'slow-readers',
    title: 'Slow readers: most sockets stop reading events of 10 KB; latency of those who read',
    columns: [
      { key: 'peakMb', title: ['RSS +', 'most MB'] },
      { key: 'peakToLimits', title: ['÷ all', 'limits'] },
      { key: 'afterMb', title: ['RSS +', 'then MB'] },
      { key: 'beforeP99Ms', title: ['before', 'p99 ms'] },
      { key: 'duringP50Ms', title: ['slow', 'p50 ms'] },
      { key: 'duringP99Ms', title: ['', 'p99 ms'] },
      { key: 'afterP99Ms', title: ['then', 'p99 ms'] },
    ],
    cases: [
      caseOf('slow-shared', '1 ch', shared),
      caseOf('slow-apart', 'ch each', apart),
      caseOf('slow-again', 'again', apart),
    ],
  };
}

function caseOf(name: string, what: string, sizes: Sizes): Case {
  const run = async (stage: Stage) => {
    const server = await stage.server({ unsentBytes: LIMIT_BYTES });
    return await putToSleep(server, sizes, stage.options.secs * 1000);
  };
  return { name, what: `${count(sizes.sleepers)} + ${count(sizes.readers)}, ${what}`, run };
}

async function putToSleep(server: Server, sizes: Sizes, restMs: number): Promise<Figures> {
  using readers = new Audience({ addresses: [server], app: server.app, channels: sizes.channels, sampleEvery: 1 });
  using sleepers = new Sleepers(server, sizes.channels);
  await readers.open(sizes.readers);
  await sleepers.open(sizes.sleepers);
  const closedBefore = await slowReadersClosed(server);
  const memory = new Memory(server);
  using load = startLoad(server, sizes, readers);
  await delay(restMs / 3);
  const before = await latencyDuring(readers, delay(restMs));
  sleepers.check();

  sleepers.sleep();
  const asleepMs = performance.now();
  const all = closedBefore + sizes.sleepers;
  const during = await latencyDuring(readers, untilClosed(server, all, memory));
  const closedAfterSeconds = (performance.now() - asleepMs) / 1000;
  const woken = Math.ceil(sizes.sleepers / 10);
  sleepers.wake(woken);
  await sleepers.until(
    () => sleepers.ended === woken,
    CLOSED_LIMIT_MS,
    () => `${woken - sleepers.ended} of ${woken} slow sockets that read again are still open`,
  );
  // The others never do. By default this is long enough for the server to drop them.
  const after = await latencyDuring(readers, delay(2 * restMs));
  const afterMb = memory.grownMb();
  await load.stop();
  await readers.drain();
  return {
    closed: (await slowReadersClosed(server)) - closedBefore,
    told: sleepers.told,
    closedAfterSeconds,
    peakMb: memory.peakMb,
    peakToLimits: (memory.peakMb * 2 ** 20) / (LIMIT_BYTES * sizes.sleepers),
    afterMb,
    beforeP50Ms: before.p50Ms,
    beforeP99Ms: before.p99Ms,
    duringP50Ms: during.p50Ms,
    duringP99Ms: during.p99Ms,
    afterP50Ms: after.p50Ms,
    afterP99Ms: after.p99Ms,
  };
}

/** Resident, and over what it was at first: with all sockets open, before any event. */
class Memory {
  peakMb = Number.NaN;
  readonly #server: Server;
  readonly #atFirstMb: number;

  constructor(server: Server) {
    this.#server = server;
    this.#atFirstMb = this.#mb();
  }

  grownMb(): number {
    const grownMb = this.#mb() - this.#atFirstMb;
    if (!(grownMb <= this.peakMb)) this.peakMb = grownMb;
    return grownMb;
  }

  #mb(): number {
    return (this.#server.usage()?.rssKb ?? Number.NaN) / 1024;
  }
}

/** In an open loop; to up to 100 channels at a time, in turn. */
function startLoad(
  server: Server,
  { sleepers, readers: reading, channels, mbPerSecond }: Sizes,
  readers: Audience,
): Load {
  const all = Array.from({ length: channels }, (_, index) => index);
  const turns = Math.ceil(channels / MOST_CHANNELS);
  const load = new Load(server, CONNECTIONS, (number, dueUs) => {
    const from = (number % turns) * MOST_CHANNELS;
    const some = all.slice(from, from + MOST_CHANNELS);
    for (const channel of some) readers.expect(channel, number);
    return trigger(server, some, number, dueUs, EVENT_BYTES);
  });
  load.start(((mbPerSecond * 1e6) / EVENT_BYTES / (sleepers + reading)) * turns);
  return load;
}

/** Of all events that arrive meanwhile, of which there is one at least. */
async function latencyDuring(readers: Audience, what: Promise<unknown>): Promise<Quantiles> {
  const { latency } = readers;
  latency.reset();
  await what;
  await readers.until(
    () => latency.count > 0,
    CLOSED_LIMIT_MS,
    () => 'those who read heard nothing',
  );
  return quantilesOf(latency);
}

async function untilClosed(server: Server, sockets: number, memory: Memory): Promise<void> {
  const deadlineMs = performance.now() + CLOSED_LIMIT_MS;
  for (let closed = 0; closed < sockets; closed = await slowReadersClosed(server)) {
    if (performance.now() > deadlineMs) {
      throw new CaseFailed(`after ${CLOSED_LIMIT_MS / 1000} s ${sockets - closed} slow sockets are not closed`);
    }
    memory.grownMb();
    await delay(POLL_MS);
  }
}
