// workers: what two processes on one port do, next to what one does.
import { trigger } from '../api-request.ts';
import { type FanOut, fanOut, quantilesOf } from '../fan-out.ts';
import { Load } from '../load.ts';
import { measure } from '../measure.ts';
import { type Case, count, type Group } from '../shape.ts';
import type { Server } from '../target.ts';

const FAN_OUT_IN_FLIGHT = 4;
/** Enough that neither of two processes waits for triggers while the other one, or the load, has the core. */
const TRIGGERS_IN_FLIGHT = 64;

interface Outcome {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p99Ms: number;
}

export function workers(conns: number): Group {
  return {
    name: 'workers',
    title: 'Workers: one process and two, on the same load',
    columns: [
      { key: 'onePerSecond', title: ['one', '/s'] },
      { key: 'twoPerSecond', title: ['two', '/s'] },
      { key: 'twoToOne', title: ['two ÷', 'one'] },
      { key: 'oneCpuUs', title: ['CPU', 'one µs'] },
      { key: 'twoCpuUs', title: ['CPU', 'two µs'] },
      { key: 'oneP99Ms', title: ['p99', 'one ms'] },
      { key: 'twoP99Ms', title: ['p99', 'two ms'] },
    ],
    cases: [
      fanOutCase('workers-fanout', { sockets: conns, channels: 1, inFlight: FAN_OUT_IN_FLIGHT }),
      fanOutCase('workers-small', { sockets: conns, channels: Math.ceil(conns / 10), inFlight: TRIGGERS_IN_FLIGHT }),
      fanOutCase('workers-single', { sockets: conns, channels: conns, inFlight: TRIGGERS_IN_FLIGHT }),
      caseOf('workers-trigger', `no socket, W=${TRIGGERS_IN_FLIGHT}`, async (server, secs) => {
        using load = new Load(server, TRIGGERS_IN_FLIGHT, (number, dueUs) => trigger(server, [0], number, dueUs));
        const { perSecond, requests, cpuUs } = await measure({ secs, servers: [server], load });
        return { perSecond: perSecond.requests, cpuUs: cpuUs / requests, p99Ms: quantilesOf(load.answers).p99Ms };
      }),
    ],
  };
}

function fanOutCase(name: string, work: Pick<FanOut, 'sockets' | 'channels' | 'inFlight'>): Case {
  const { sockets, channels, inFlight } = work;
  return caseOf(
    name,
    `${count(channels)} × ${count(Math.floor(sockets / channels))}, W=${inFlight}`,
    async (server, secs) => {
      const { perSecond, deliveries, cpuUs, latency } = await fanOut({ ...work, secs, servers: [server] });
      return { perSecond: perSecond.deliveries, cpuUs: cpuUs / deliveries, p99Ms: latency.p99Ms };
    },
  );
}

function caseOf(name: string, what: string, run: (server: Server, secs: number) => Promise<Outcome>): Case {
  return {
    name,
    what,
    run: async (stage) => {
      const { secs } = stage.options;
      const servers = await Promise.all([stage.server({ workers: 1 }), stage.server({ workers: 2 })]);
      const one = await run(servers[0], secs);
      const two = await run(servers[1], secs);
      return {
        onePerSecond: one.perSecond,
        twoPerSecond: two.perSecond,
        twoToOne: two.perSecond / one.perSecond,
        oneCpuUs: one.cpuUs,
        twoCpuUs: two.cpuUs,
        oneP99Ms: one.p99Ms,
        twoP99Ms: two.p99Ms,
      };
    },
  };
}
