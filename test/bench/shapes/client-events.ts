// client-events: pairs of sockets on private channels; one sends, the other hears, and then the first sends again.
import { Audience } from '../audience.ts';
import { EVENT, eventData, nowUs } from '../event.ts';
import { quantilesOf } from '../fan-out.ts';
import { clientFrame, opcodes } from '../frames.ts';
import type { Source } from '../load.ts';
import { measure } from '../measure.ts';
import type { Receiver } from '../receiver.ts';
import { count, type Group } from '../shape.ts';
import type { Server } from '../target.ts';

const NAME = `client-${EVENT}`;

export function clientEvents(conns: number): Group {
  const pairs = Math.ceil(conns / 10);
  return {
    name: 'client-events',
    title: 'Client events: pairs on private channels, one event in flight each',
    columns: [
      { key: 'eventsPerSecond', title: ['events', '/s'] },
      { key: 'cpuUsPerEvent', title: ['CPU', 'µs/event'] },
      { key: 'latencyP50Ms', title: ['latency', 'p50 ms'] },
      { key: 'latencyP99Ms', title: ['latency', 'p99 ms'] },
    ],
    cases: [
      {
        name: 'client-events',
        what: `${count(pairs)} pairs`,
        run: async (stage) => {
          const server = await stage.server();
          using load = new Pairs(server, pairs);
          const { audience } = load;
          await audience.open(2 * pairs);
          const { secs } = stage.options;
          const { perSecond, deliveries, cpuUs } = await measure({ secs, servers: [server], load, audience });
          const { p50Ms, p99Ms } = quantilesOf(audience.latency);
          return {
            eventsPerSecond: perSecond.deliveries,
            cpuUsPerEvent: cpuUs / deliveries,
            latencyP50Ms: p50Ms,
            latencyP99Ms: p99Ms,
          };
        },
      },
    ],
  };
}

/** The first half of the sockets sends, the second half hears. */
class Pairs implements Source, Disposable {
  readonly audience: Audience;
  readonly #pairs: number;
  #sent = 0;
  #isOver = false;

  constructor(server: Server, pairs: number) {
    this.#pairs = pairs;
    this.audience = new Audience({
      addresses: [server],
      app: server.app,
      channels: pairs,
      sampleEvery: 1,
      clientEvents: {
        name: NAME,
        hears: ({ index }) => index >= pairs,
        onHeard: ({ index }) => this.#send(this.audience.receivers[index - pairs]),
      },
    });
  }

  get done(): number {
    return this.audience.heard;
  }

  start(): void {
    for (const receiver of this.audience.receivers.slice(0, this.#pairs)) this.#send(receiver);
  }

  /** What is under way is waited for by the audience. */
  async stop(): Promise<void> {
    this.#isOver = true;
  }

  check(): void {
    this.audience.check();
  }

  reset(): void {}

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.audience[Symbol.dispose]();
  }

  #send(sender: Receiver | undefined): void {
    if (this.#isOver || sender === undefined) return;
    const number = this.#sent++;
    this.audience.expect(sender.index, number);
    const channel = this.audience.channelOf(sender.index);
    const data = eventData(number, nowUs());
    sender.write(clientFrame(opcodes.text, `{"event":"${NAME}","channel":"${channel}","data":${data}}`));
  }
}
