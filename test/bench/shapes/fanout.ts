// fanout: how many frames a second the server writes, and what one costs it, at several numbers of triggers in flight.
import { fanOut } from '../fan-out.ts';
import { mostSockets } from '../machine.ts';
import { type Case, count, type Group } from '../shape.ts';

export function fanout(conns: number): Group {
  const tenth = Math.ceil(conns / 10);
  const single = Math.min(10 * conns, mostSockets());
  return {
    name: 'fanout',
    title: 'Fan-out: signed triggers in a closed loop, W in flight',
    columns: [
      { key: 'deliveriesPerSecond', title: ['delivered', '/s'] },
      { key: 'cpuUsPerDelivery', title: ['CPU', 'µs each'] },
      { key: 'triggerP50Ms', title: ['answer', 'p50 ms'] },
      { key: 'triggerP99Ms', title: ['answer', 'p99 ms'] },
      { key: 'latencyP50Ms', title: ['latency', 'p50 ms'] },
      { key: 'latencyP99Ms', title: ['latency', 'p99 ms'] },
    ],
    cases: [
      caseOf('fanout-1', 1, conns, 1),
      caseOf('fanout-4', 1, conns, 4),
      caseOf('fanout-16', 1, conns, 16),
      caseOf('fanout-small', tenth, 10 * tenth, 16),
      caseOf('fanout-single', single, single, 16),
    ],
  };
}

function caseOf(name: string, channels: number, sockets: number, inFlight: number): Case {
  return {
    name,
    what: `${count(channels)} ch × ${count(sockets / channels)}, W=${inFlight}`,
    run: async (stage) => {
      const server = await stage.server();
      const { perSecond, deliveries, cpuUs, answer, latency, loadCores } = await fanOut({
        secs: stage.options.secs,
        servers: [server],
        sockets,
        channels,
        inFlight,
      });
      return {
        deliveriesPerSecond: perSecond.deliveries,
        cpuUsPerDelivery: cpuUs / deliveries,
        triggerP50Ms: answer.p50Ms,
        triggerP99Ms: answer.p99Ms,
        latencyP50Ms: latency.p50Ms,
        latencyP99Ms: latency.p99Ms,
        loadCores,
      };
    },
  };
}
