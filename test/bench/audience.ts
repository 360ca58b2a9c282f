// Sockets on channels that hear events, each of which is counted: who hears one too few or one too many fails the case.
import { createHmac } from 'node:crypto';
import type { Credentials } from './arguments.ts';
import { Crowd } from './crowd.ts';
import { channelName, EVENT, markOf, nowUs, numberAt, timeAt } from './event.ts';
import { Histogram } from './histogram.ts';
import type { Receiver } from './receiver.ts';
import type { Address } from './target.ts';
import { CaseFailed } from './until.ts';

/** Nothing more came for so long: nothing will. */
const STALLED_MS = 5000;

export interface AudienceOptions {
  readonly addresses: readonly Address[];
  readonly app: Credentials;
  readonly channels: number;
  /** Latency is measured on every so manieth socket, and on the last; 1: on all. */
  readonly sampleEvery: number;
  /** Where the events are client events, on private channels; they are heard by all but who sends them. */
  readonly clientEvents?: {
    readonly name: string;
    hears(receiver: Receiver): boolean;
    onHeard(receiver: Receiver): void;
  };
}

export class Audience extends Crowd {
  readonly latency = new Histogram();
  /** Events all sockets heard together. */
  heard = 0;
  readonly #options: AudienceOptions;
  readonly #event: string;
  /** Of each channel: how many events were sent there, and the sum of their numbers. */
  readonly #sent: Float64Array;
  readonly #sums: Float64Array;
  /** Of the frames with an event, once one was seen: how long they are, and where the number is. */
  #length = -1;
  #markAt = 0;

  constructor(options: AudienceOptions) {
    super(options.addresses, options.app);
    this.#options = options;
    this.#event = options.clientEvents?.name ?? EVENT;
    this.#sent = new Float64Array(options.channels);
    this.#sums = new Float64Array(options.channels);
  }

  channelOf(index: number): string {
    return channelName(index % this.#options.channels, this.#options.clientEvents === undefined ? '' : 'private-');
  }

  /** The event with this number is about to be sent to this channel. */
  expect(channel: number, number: number): void {
    this.#sent[channel] = (this.#sent[channel] ?? 0) + 1;
    this.#sums[channel] = (this.#sums[channel] ?? 0) + number;
  }

  override established(receiver: Receiver): void {
    const channel = this.channelOf(receiver.index);
    const data = { channel, ...(this.#options.clientEvents !== undefined && this.#authOf(receiver, channel)) };
    this.send(receiver, { event: 'pusher:subscribe', data });
  }

  /** The hot path: a frame as long as one that was an event is an event. */
  override text(receiver: Receiver, buffer: Buffer, from: number, to: number): void {
    if (to - from !== this.#length && !this.#isEvent(receiver, buffer, from, to)) return;
    this.heard++;
    receiver.heard++;
    if (this.#isSampled(receiver.index)) {
      const at = from + this.#markAt;
      receiver.sum += numberAt(buffer, at);
      this.latency.record(nowUs() - timeAt(buffer, at));
    }
    this.#options.clientEvents?.onHeard(receiver);
  }

  /** Resolves when all that was sent has arrived, exactly. @throws CaseFailed otherwise */
  async drain(): Promise<void> {
    const expected = this.receivers.reduce((sum, receiver) => sum + this.#expectedOf(receiver), 0);
    let before = this.heard;
    let atMs = performance.now();
    const isOver = () => {
      if (this.heard !== before) {
        before = this.heard;
        atMs = performance.now();
      }
      return this.heard >= expected || performance.now() - atMs > STALLED_MS;
    };
    await this.until(isOver, 12 * STALLED_MS, () => `of ${expected} frames ${this.heard} arrived in a minute`);
    for (const receiver of this.receivers) this.#verify(receiver);
  }

  #verify(receiver: Receiver): void {
    const expected = this.#expectedOf(receiver);
    if (receiver.heard !== expected) {
      throw new CaseFailed(`socket ${receiver.index} heard ${receiver.heard} events of ${expected}`);
    }
    const sum = expected === 0 ? 0 : this.#sums[receiver.index % this.#options.channels];
    if (this.#isSampled(receiver.index) && receiver.sum !== sum) {
      throw new CaseFailed(`socket ${receiver.index} heard other events than those that were sent`);
    }
  }

  #expectedOf(receiver: Receiver): number {
    if (this.#options.clientEvents?.hears(receiver) === false) return 0;
    return this.#sent[receiver.index % this.#options.channels] ?? 0;
  }

  #isSampled(index: number): boolean {
    return index % this.#options.sampleEvery === 0 || index === this.receivers.length - 1;
  }

  #isEvent(receiver: Receiver, buffer: Buffer, from: number, to: number): boolean {
    const message = receiver.unusual(buffer.toString('utf8', from, to));
    if (message?.event === 'pusher_internal:subscription_succeeded') this.arrive();
    if (message?.event !== this.#event) return false;
    this.#length = to - from;
    this.#markAt = markOf(buffer, from, to) - from;
    return true;
  }

  #authOf(receiver: Receiver, channel: string): { readonly auth: string } {
    const signature = createHmac('sha256', this.app.secret).update(`${receiver.socketId}:${channel}`).digest('hex');
    return { auth: `${this.app.key}:${signature}` };
  }
}
