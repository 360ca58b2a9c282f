// cluster: two servers on one Redis, half of the sockets on each, all triggers at the first.
import { fanOut } from '../fan-out.ts';
import { type Case, count, type Group } from '../shape.ts';
import { usageOf } from '../usage.ts';

export function cluster(conns: number): Group {
  return {
    name: 'cluster',
    title: 'Two servers on Redis: half of the sockets on each, triggers at the first',
    columns: [
      { key: 'deliveriesPerSecond', title: ['delivered', '/s'] },
      { key: 'firstCpuUsPerDelivery', title: ['CPU first', 'µs/dlv'] },
      { key: 'secondCpuUsPerDelivery', title: ['second', 'µs/dlv'] },
      { key: 'redisCpuUsPerDelivery', title: ['Redis', 'µs/dlv'] },
      { key: 'latencyP50Ms', title: ['latency', 'p50 ms'] },
      { key: 'latencyP99Ms', title: ['latency', 'p99 ms'] },
    ],
    cases: [1, 4, 16].map((inFlight) => caseOf(conns, inFlight)),
  };
}

function caseOf(conns: number, inFlight: number): Case {
  return {
    name: `cluster-${inFlight}`,
    what: `1 ch × ${count(conns)}, W=${inFlight}`,
    run: async (stage) => {
      const { child, port } = await stage.redis();
      const settings = { redis: port };
      const servers = await Promise.all([stage.server(settings, 'first'), stage.server(settings, 'second')]);
      const { perSecond, deliveries, cpuUsOf, latency } = await fanOut({
        secs: stage.options.secs,
        servers,
        others: [{ usage: () => usageOf([child.pid]) }],
        sockets: conns,
        channels: 1,
        inFlight,
      });
      const [firstUs = Number.NaN, secondUs = Number.NaN, redisUs = Number.NaN] = cpuUsOf;
      return {
        deliveriesPerSecond: perSecond.deliveries,
        firstCpuUsPerDelivery: firstUs / deliveries,
        secondCpuUsPerDelivery: secondUs / deliveries,
        redisCpuUsPerDelivery: redisUs / deliveries,
        latencyP50Ms: latency.p50Ms,
        latencyP99Ms: latency.p99Ms,
      };
    },
  };
}
