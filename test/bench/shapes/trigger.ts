// trigger: what the HTTP API costs by itself: nobody is subscribed.
import { trigger, triggerBatch } from '../api-request.ts';
import { quantilesOf } from '../fan-out.ts';
import { Load } from '../load.ts';
import { measure } from '../measure.ts';
import type { Case, Group } from '../shape.ts';

const IN_FLIGHT = 16;
/** Hosted Pusher's limits. */
const BATCH_EVENTS = 10;
const CHANNELS = 100;

export function triggers(): Group {
  return {
    name: 'trigger',
    title: 'Triggers without subscribers: signed requests in a closed loop',
    columns: [
      { key: 'requestsPerSecond', title: ['requests', '/s'] },
      { key: 'cpuUsPerRequest', title: ['CPU', 'µs/req.'] },
      { key: 'cpuUsPerEvent', title: ['CPU', 'µs/event'] },
      { key: 'requestP50Ms', title: ['answer', 'p50 ms'] },
      { key: 'requestP99Ms', title: ['answer', 'p99 ms'] },
    ],
    cases: [
      caseOf('trigger-single', '1 event, W=16', 1, trigger),
      caseOf('trigger-batch', `batch of ${BATCH_EVENTS}, W=16`, BATCH_EVENTS, triggerBatch),
      caseOf('trigger-channels', `${CHANNELS} channels, W=16`, CHANNELS, trigger),
    ],
  };
}

function caseOf(name: string, what: string, events: number, compose: typeof trigger): Case {
  const channels = Array.from({ length: events }, (_, index) => index);
  return {
    name,
    what,
    run: async (stage) => {
      const server = await stage.server();
      using load = new Load(server, IN_FLIGHT, (number, dueUs) => compose(server, channels, number, dueUs));
      const { perSecond, requests, cpuUs, loadCores } = await measure({
        secs: stage.options.secs,
        servers: [server],
        load,
      });
      const { p50Ms, p99Ms } = quantilesOf(load.answers);
      return {
        requestsPerSecond: perSecond.requests,
        cpuUsPerRequest: cpuUs / requests,
        cpuUsPerEvent: cpuUs / requests / events,
        requestP50Ms: p50Ms,
        requestP99Ms: p99Ms,
        loadCores,
      };
    },
  };
}
