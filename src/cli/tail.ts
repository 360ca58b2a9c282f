// Follows channels over one WebSocket that comes back as pusher-js would (websocket.md §11, what each close code means).
import { WebSocket } from 'ws';
import {
  type Member,
  parseError,
  parseEstablished,
  parseFrame,
  parseRefusal,
  pingFrame,
  pongFrame,
  type ReceivedFrame,
  subscribeFrame,
} from './frames.ts';
import { networkReason } from './network.ts';

export interface TailOptions {
  /** ws(s)://host:port/prefix/app/{key}?… */
  readonly url: string;
  readonly key: string;
  readonly secret: string | undefined;
  readonly member: Member | undefined;
  readonly channels: readonly string[];
  /** Hears every event of a channel. */
  readonly onEvent: (frame: ReceivedFrame) => void;
  /** Hears what becomes of the connection and the subscriptions, in words. */
  readonly onNote: (note: string) => void;
}

const HANDSHAKE_WITHIN_MS = 10_000;
const LONGEST_DELAY_MS = 30_000;
/** How long a ping of ours may stay unanswered. */
const PONG_WITHIN_MS = 30_000;

/** Runs from `start()` until `stop()`, or until going on is pointless. */
export class Tail {
  readonly #options: TailOptions;
  readonly #refused = new Set<string>();
  #end: (reason: string | undefined) => void = () => {};
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #silenceMs = 0;
  #established = false;
  /** What the server or the network said last, before the connection was established or when it broke. */
  #trouble: { readonly code: number | undefined; readonly text: string } | undefined;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Resolves with undefined after `stop()`, else with the reason why there is nothing more to follow. Once only. */
  start(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#connect();
    });
  }

  stop(): void {
    this.#finish(undefined);
  }

  #finish(reason: string | undefined): void {
    clearTimeout(this.#timer);
    this.#socket?.removeAllListeners();
    this.#socket?.on('error', () => {});
    this.#socket?.terminate();
    this.#end(reason);
  }

  #connect(): void {
    this.#established = false;
    this.#trouble = undefined;
    const socket = new WebSocket(this.#options.url, { handshakeTimeout: HANDSHAKE_WITHIN_MS });
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(data.toString()));
    socket.on('error', (error) => {
      this.#trouble = { code: undefined, text: networkReason(error) };
    });
    socket.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      if (statusCode < 500) this.#finish(`the server answered ${statusCode} where it should open a WebSocket`);
      else this.#retry(`the server answered ${statusCode}`, 1000);
    });
    socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  #closed(closeCode: number, reason: string): void {
    clearTimeout(this.#timer);
    const { code, text } = this.#trouble ?? {};
    // Some servers send the error frame and then just drop the connection.
    const actual = closeCode < 4000 ? (code ?? closeCode) : closeCode;
    const said = reason === '' ? text : reason;
    const isLost = actual === 1005 || actual === 1006;
    const closed = `the server closed the connection: ${actual}${said === undefined ? '' : ` ${said}`}`;
    const note = isLost ? `no connection${said === undefined ? '' : `: ${said}`}` : closed;
    if (isFinal(actual)) this.#finish(note);
    else this.#retry(note, actual >= 4200 && this.#established ? 0 : 1000);
  }

  /** Waits longer with each attempt in a row that did not get through. */
  #retry(note: string, firstDelayMs: number): void {
    this.#failures = this.#established ? 0 : this.#failures + 1;
    const delayMs = Math.min(LONGEST_DELAY_MS, firstDelayMs * 2 ** Math.max(0, this.#failures - 1));
    this.#options.onNote(`${note} (trying again ${delayMs === 0 ? 'now' : `in ${delayMs / 1000} s`})`);
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  #receive(text: string): void {
    const frame = parseFrame(text);
    if (frame === undefined) return;
    if (this.#established) this.#watch();
    switch (frame.event) {
      case 'pusher:connection_established':
        this.#subscribe(frame.data);
        break;
      case 'pusher:ping':
        this.#socket?.send(pongFrame);
        break;
      case 'pusher:pong':
        break;
      case 'pusher:error':
        this.#error(frame.data);
        break;
      case 'pusher_internal:subscription_succeeded':
        this.#options.onNote(`subscribed to ${frame.channel}`);
        break;
      case 'pusher:subscription_error':
        this.#subscriptionRefused(frame);
        break;
      default:
        if (frame.channel !== undefined) this.#options.onEvent(frame);
    }
  }

  #subscribe(data: string): void {
    const established = parseEstablished(data);
    if (established === undefined) {
      this.#finish('the server does not speak the Pusher protocol');
      return;
    }
    const { socketId, activityTimeoutSeconds } = established;
    this.#established = true;
    this.#options.onNote(`connected, socket id ${socketId}`);
    this.#silenceMs = activityTimeoutSeconds * 1000;
    this.#watch();
    for (const channel of this.#options.channels) {
      this.#socket?.send(subscribeFrame({ ...this.#options, channel, socketId }));
    }
  }

  /** A connection that fell silent, such as after a machine slept, is asked, and given up without an answer. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#socket?.send(pingFrame);
      this.#timer = setTimeout(() => this.#socket?.terminate(), PONG_WITHIN_MS);
    }, this.#silenceMs);
  }

  #error(data: string): void {
    const { code, message } = parseError(data);
    if (this.#established) this.#options.onNote(`error${code === undefined ? '' : ` ${code}`}: ${message}`);
    else this.#trouble = { code, text: message };
  }

  #subscriptionRefused({ channel = '', data }: ReceivedFrame): void {
    this.#options.onNote(`${channel} refused: ${parseRefusal(data)}`);
    this.#refused.add(channel);
    if (this.#options.channels.every((name) => this.#refused.has(name)))
      this.#finish('no channel is left to listen to');
  }
}

/** 4000 to 4099 must not be tried again unchanged; what is above 4299 means nothing as a close code. */
function isFinal(code: number): boolean {
  return (code >= 4000 && code < 4100) || code >= 4300;
}
