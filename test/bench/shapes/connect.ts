// connect: a storm of connects and subscribes, on a server that has just started and on the same one again; and what a
// socket that is subscribed and idle takes of the server's memory.
import { setTimeout as delay } from 'node:timers/promises';
import { Audience } from '../audience.ts';
import { mostSockets } from '../machine.ts';
import { type Case, type Column, count, type Figures, type Group, type Stage } from '../shape.ts';
import type { Server } from '../target.ts';
import { canMeasure } from '../usage.ts';

const COLUMNS: readonly Column[] = [
  { key: 'connectsPerSecond', title: ['connects', '/s'] },
  { key: 'cpuUsPerConnect', title: ['CPU', 'µs each'] },
  { key: 'memoryKbPerSocket', title: ['memory', 'KB each'] },
  { key: 'rssMb', title: ['RSS', 'MB'] },
];

export function connects(conns: number): Group {
  const storm = Math.min(5 * conns, mostSockets());
  const idle = Math.min(9 * conns, mostSockets());
  return {
    name: 'connect',
    title: 'Connect and subscribe: sockets on one channel, 200 in progress at a time',
    columns: COLUMNS,
    cases: [
      caseOf('connect', `${count(storm)}, cold server`, storm, (stage) => stage.server()),
      caseOf('reconnect', `${count(storm)}, once more`, storm, (stage) => stage.server()),
      caseOf('idle-memory', `${count(idle)}, cold server`, idle, (stage) => stage.server({}, 'idle')),
    ],
  };
}

function caseOf(name: string, what: string, sockets: number, serverOf: (stage: Stage) => Promise<Server>): Case {
  return { name, what, run: async (stage) => await storm(stage, await serverOf(stage), sockets) };
}

/** Memory counts after as long a rest as other cases measure. */
async function storm(stage: Stage, server: Server, sockets: number): Promise<Figures> {
  using audience = new Audience({ addresses: [server], app: server.app, channels: 1, sampleEvery: 1 });
  const before = server.usage();
  const startMs = performance.now();
  await audience.open(sockets);
  const seconds = (performance.now() - startMs) / 1000;
  const after = server.usage();
  if (canMeasure) await delay(stage.options.secs * 1000);
  audience.check();
  const rested = server.usage();
  const each = (end = Number.NaN, start = Number.NaN) => (end - start) / sockets;
  return {
    connectsPerSecond: sockets / seconds,
    cpuUsPerConnect: each(after?.cpuUs, before?.cpuUs),
    memoryKbPerSocket: each(rested?.rssKb, before?.rssKb),
    rssMb: (rested?.rssKb ?? Number.NaN) / 1024,
  };
}
