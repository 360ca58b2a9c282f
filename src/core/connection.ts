// One socket: its app, user and subscriptions, its mailbox and what it is owed. The rules are elsewhere: it hands each
// message to the handler it is given, one at a time and in order, so that no close overtakes a join.
import type { Logger } from 'pino';
import { type Ending, endings, ProtocolError } from '../protocol/errors.ts';
import { CLOSE_REASON_BYTES, FRAME_OVERHEAD_BYTES } from '../protocol/limits.ts';
import { error, ping, subscriptionError } from '../protocol/server-message.ts';
import type { App } from './app.ts';
import { type HeartbeatOptions, heartbeat } from './heartbeat.ts';
import type { Outbox, Owed } from './outbox.ts';
import type { Peer, Topic, Transport } from './ports.ts';
import type { SlidingWindow } from './sliding-window.ts';
import type { Subscription } from './subscription.ts';
import type { Traffic } from './traffic.ts';

/** What the connection's owner does with it; each is awaited before the next is called, `closed` comes last. */
export interface ConnectionHandler {
  opened(connection: Connection): Promise<void>;
  message(connection: Connection, text: string): Promise<void>;
  /** The user, one whom the connection listens as, is to leave the channel, if they joined it before that time. */
  revoked(connection: Connection, userId: string, channel: string, beforeMs: number): Promise<void>;
  closed(connection: Connection): Promise<void>;
}

/** Who a connection signed in as (websocket.md §10.1). */
export interface User {
  readonly id: string;
  /** The user_info as JSON text. */
  readonly info: string;
}

export interface ConnectionDeps {
  readonly socketId: string;
  readonly app: App;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly traffic: Traffic;
  readonly handler: ConnectionHandler;
  /** Above this the peer reads too slowly and is closed with 4100. */
  readonly maxUnsentBytes: number;
  readonly log: Logger;
}

const OPENED = Symbol('opened');
const CLOSED = Symbol('closed');

type Task = () => Promise<void>;
/** Text is a message of the peer. */
type Item = string | Task | typeof OPENED | typeof CLOSED;

/** The peer is not read while this many of its messages wait. */
const MAILBOX_SIZE = 128;

export class Connection {
  readonly socketId: string;
  /** As it is now, so nothing that waits keeps it: see `change`. Its id stays. */
  app: App;
  readonly openedAtMs = performance.now();
  /** By channel name; an entry exists from the acknowledged join to the leave. */
  readonly subscriptions = new Map<string, Subscription>();
  user: User | undefined;
  /** Topics beside channels: the user's own and those of watched users. */
  otherTopics: Map<Topic, Subscription> | undefined;
  /** Made with the first client event. */
  clientEvents: SlidingWindow | undefined;
  /** Counted and told its socket id. */
  established = false;
  /** Signed in, or joined a guarded channel, once. */
  authorized = false;
  /** It was refused something that it would be given now or later, and does not know when to ask again. */
  missesSomething = false;

  readonly #deps: ConnectionDeps;
  readonly #mailbox: Item[] = [OPENED];
  #working = false;
  #paused = false;
  #open = true;
  #leaving = false;
  #owed: Owed | undefined;
  #lastHeardMs = this.openedAtMs;
  #askedMs = 0;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.socketId = deps.socketId;
    this.app = deps.app;
  }

  get peer(): Peer {
    return this.#deps.transport.peer;
  }

  get unsentBytes(): number {
    return this.#deps.transport.unsentBytes;
  }

  /** Handles `opened`, and from then on the mailbox. Called once, by whoever made the connection. */
  start(): void {
    this.#work();
  }

  /** The app was changed: it counts as it is now, from the next message on. */
  change(app: App): void {
    this.app = app;
    this.#deps.transport.limit(app.limits.payloadBytes + FRAME_OVERHEAD_BYTES);
  }

  /** Something arrived from the peer: it is alive. */
  heard(): void {
    this.#lastHeardMs = performance.now();
  }

  /** A text message from the peer. */
  receive(text: string): void {
    if (!this.#open) return;
    this.heard();
    this.#deps.traffic.received += 1;
    this.#mailbox.push(text);
    if (this.#mailbox.length > MAILBOX_SIZE && !this.#paused) {
      this.#paused = true;
      this.#deps.transport.pause();
    }
    this.#work();
  }

  /** Does something in turn with the peer's messages, its errors answered as theirs are; nothing once it is closed. */
  perform(task: Task): void {
    this.#mailbox.push(task);
    this.#work();
  }

  /** The app removes one of the connection's users from a channel. */
  revoke(userId: string, channel: string, beforeMs: number): void {
    this.perform(() => this.#deps.handler.revoked(this, userId, channel, beforeMs));
  }

  /** The socket is gone, or is as good as gone: leaves everything, once what waits in the mailbox is done with. */
  closed(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#open = false;
    this.#owed = undefined;
    this.#mailbox.push(CLOSED);
    this.#work();
  }

  /** Queues a frame; all that is queued in one turn of the event loop leaves in one write. */
  send(frame: Buffer): void {
    if (!this.#open) return;
    this.#deps.traffic.sent += 1;
    this.#owed = (this.#owed ?? this.#deps.outbox.open(this)).append(frame);
  }

  /** Called by the outbox at the end of the turn. */
  flush(): void {
    const owed = this.#owed;
    if (owed === undefined) return;
    this.#owed = undefined;
    const { transport, maxUnsentBytes } = this.#deps;
    if (transport.unsentBytes + owed.byteLength <= maxUnsentBytes || transport.unsentBytes === 0) {
      transport.write(owed.bytes());
    } else {
      this.#deps.traffic.slowReaders += 1;
      this.end(endings.slowReader);
    }
  }

  /** Error frame and close frame with the same code, after everything queued before (websocket.md §3.2). */
  end(ending: Ending): void {
    if (!this.#open) return;
    this.send(error(ending.code, ending.message));
    const last = this.#owed;
    this.#open = false;
    this.#owed = undefined;
    // A peer that reads too slowly would not read this either.
    if (last !== undefined && ending !== endings.slowReader) this.#deps.transport.write(last.bytes());
    this.#deps.transport.close(ending.code, closeReason(ending.message));
    this.#deps.log.debug({ appId: this.app.id, socketId: this.socketId, code: ending.code }, 'connection ended');
    // The others hear of it now, not when the peer has answered the close frame.
    this.closed();
  }

  /** Asks an idle peer for a sign of life, or gives it up. Called by the sweep. */
  sweep(nowMs: number, options: HeartbeatOptions): void {
    const step = heartbeat(this.#lastHeardMs, this.#askedMs, nowMs, options);
    if (step === 'alive') return;
    if (step === 'give-up') {
      this.end(endings.noPong);
      return;
    }
    this.#askedMs = nowMs;
    // Both forms: Java and Swift answer WebSocket pings only, HTTP-fallback stacks pusher:ping only.
    this.#deps.transport.ping();
    this.send(ping);
  }

  #work(): void {
    if (!this.#working) void this.#workOff();
  }

  async #workOff(): Promise<void> {
    this.#working = true;
    for (let item = this.#mailbox.shift(); item !== undefined; item = this.#mailbox.shift()) {
      try {
        await this.#handle(item);
      } catch (err) {
        this.#fail(err);
      }
      if (this.#paused && this.#mailbox.length <= MAILBOX_SIZE / 2) {
        this.#paused = false;
        this.#deps.transport.resume();
      }
    }
    this.#working = false;
  }

  #handle(item: Item): Promise<void> {
    const { handler } = this.#deps;
    if (item === OPENED) return handler.opened(this);
    if (item === CLOSED) return handler.closed(this);
    // What waited when the connection was ended is not acted upon.
    if (!this.#open) return Promise.resolve();
    return typeof item === 'string' ? handler.message(this, item) : item();
  }

  /** The one place where a connection's errors are answered. */
  #fail(err: unknown): void {
    if (!(err instanceof ProtocolError)) {
      this.#deps.log.error({ err, appId: this.app.id, socketId: this.socketId }, 'a message could not be handled');
      this.end(endings.internal);
      return;
    }
    const { code, message, failure } = err;
    if (err.fatal && code !== null) {
      this.end({ code, message });
      return;
    }
    this.send(error(code, message));
    if (failure !== undefined) this.send(subscriptionError(failure));
  }
}

/** Ends a socket that never became a connection. */
export function refuse(transport: Transport, ending: Ending): void {
  transport.write(error(ending.code, ending.message));
  transport.close(ending.code, closeReason(ending.message));
}

function closeReason(message: string): string {
  return Buffer.byteLength(message) <= CLOSE_REASON_BYTES ? message : `${message.slice(0, CLOSE_REASON_BYTES / 4)}…`;
}
