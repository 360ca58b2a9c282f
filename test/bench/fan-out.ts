// The work of several groups: sockets on channels, and signed triggers that all sockets of a channel hear.
import { trigger } from './api-request.ts';
import { Audience } from './audience.ts';
import type { Histogram } from './histogram.ts';
import { Load } from './load.ts';
import { type Measurable, type Measured, measure } from './measure.ts';
import type { Server } from './target.ts';

/** Up to so many sockets on a channel, latency is measured on all sockets; else on every 8th and the last. */
const FEW = 10;
const SAMPLE_EVERY = 8;

export interface FanOut {
  readonly secs: number;
  /** The sockets are spread over them; triggers go to the first. */
  readonly servers: readonly [Server, ...Server[]];
  /** Whose CPU time is measured beside the servers'. */
  readonly others?: readonly Measurable[];
  readonly sockets: number;
  readonly channels: number;
  /** Connections to the API, with one request each. */
  readonly inFlight: number;
  /** Triggers per second in an open loop; undefined: a closed loop. */
  readonly rate?: number;
}

export interface FannedOut extends Measured {
  /** From when a trigger was due until a socket heard it. */
  readonly latency: Quantiles;
  /** From when a trigger was due until its answer. */
  readonly answer: Quantiles;
}

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Opens the sockets, puts on the load, closes the sockets. Triggers go to the channels in turn. @throws CaseFailed */
export async function fanOut(work: FanOut): Promise<FannedOut> {
  const { secs, servers, others = [], sockets, channels, inFlight, rate } = work;
  const [first] = servers;
  const sampleEvery = sockets / channels <= FEW ? 1 : SAMPLE_EVERY;
  using audience = new Audience({ addresses: servers, app: first.app, channels, sampleEvery });
  await audience.open(sockets);
  using load = new Load(first, inFlight, (number, dueUs) => {
    const channel = number % channels;
    audience.expect(channel, number);
    return trigger(first, [channel], number, dueUs);
  });
  const measured = await measure({ secs, servers: [...servers, ...others], load, audience, rate });
  return { ...measured, latency: quantilesOf(audience.latency), answer: quantilesOf(load.answers) };
}

export function quantilesOf(histogram: Histogram): Quantiles {
  return {
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    p999Ms: histogram.quantileMs(0.999),
  };
}
