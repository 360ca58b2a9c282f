// openloop: latency at a fixed rate of triggers, at shares of the rate at which the server is saturated.
import { fanOut } from '../fan-out.ts';
import { type Case, count, type Group, type Stage } from '../shape.ts';

/** Enough that a request which is due seldom waits for a free connection; if it does, that is part of its latency. */
const CONNECTIONS = 64;
const SHARES = [10, 50, 80] as const;
/** Of the closed loop that finds the saturation. */
const CLOSED_IN_FLIGHT = 16;
const SINGLES_PER_SECOND = 1000;

export function openLoop(conns: number): Group {
  // Found on the server that is measured first; a reference server gets the same rates.
  let saturation: Promise<number> | undefined;
  const saturationOf = (stage: Stage) => {
    saturation ??= saturationRate(stage, conns);
    return saturation;
  };
  return {
    name: 'openloop',
    title: 'Open loop: signed triggers at a fixed rate; latency from when a trigger was due',
    columns: [
      { key: 'triggersPerSecond', title: ['triggers', '/s'] },
      { key: 'cpuUsPerTrigger', title: ['CPU', 'µs/trig'] },
      { key: 'cpuUsPerDelivery', title: ['CPU', 'µs/dlv'] },
      { key: 'latencyP50Ms', title: ['latency', 'p50 ms'] },
      { key: 'latencyP99Ms', title: ['latency', 'p99 ms'] },
      { key: 'latencyP999Ms', title: ['latency', 'p99.9 ms'] },
    ],
    cases: [
      ...SHARES.map((share) => {
        const what = `1 ch × ${count(conns)}, ${share} %`;
        const rate = async (stage: Stage) => ((await saturationOf(stage)) * share) / 100;
        return caseOf(`openloop-${share}`, what, 1, conns, rate);
      }),
      caseOf('openloop-single', `${count(conns)} ch × 1`, conns, conns, async () => SINGLES_PER_SECOND),
    ],
  };
}

/** Triggers per second in a closed loop. */
async function saturationRate(stage: Stage, sockets: number): Promise<number> {
  const secs = stage.options.secs / 2;
  const servers = [await stage.server()] as const;
  const { perSecond } = await fanOut({ secs, servers, sockets, channels: 1, inFlight: CLOSED_IN_FLIGHT });
  return perSecond.requests;
}

function caseOf(
  name: string,
  what: string,
  channels: number,
  sockets: number,
  rateOf: (stage: Stage) => Promise<number>,
): Case {
  return {
    name,
    what,
    run: async (stage) => {
      const server = await stage.server();
      const { perSecond, requests, deliveries, cpuUs, latency } = await fanOut({
        secs: stage.options.secs,
        servers: [server],
        sockets,
        channels,
        inFlight: CONNECTIONS,
        rate: await rateOf(stage),
      });
      return {
        triggersPerSecond: perSecond.requests,
        cpuUsPerTrigger: cpuUs / requests,
        cpuUsPerDelivery: cpuUs / deliveries,
        latencyP50Ms: latency.p50Ms,
        latencyP99Ms: latency.p99Ms,
        latencyP999Ms: latency.p999Ms,
      };
    },
  };
}
