// What sockets are owed in this turn of the event loop. Each socket gets one write at the turn's end, and sockets that
// are owed the same frames share the joined buffer: the write to the kernel is what a delivery costs.

/** A chain of frames, shared by every socket that was sent exactly these since the turn began. */
export class Owed {
  readonly byteLength: number;
  readonly #previous: Owed | undefined;
  readonly #frame: Buffer | undefined;
  /** The chain that came of the last append: the loop over a channel's sockets appends the same frame to each. */
  #nextFrame: Buffer | undefined;
  #next: Owed | undefined;
  #joined: Buffer | undefined;

  constructor(previous?: Owed, frame?: Buffer) {
    this.#previous = previous;
    this.#frame = frame;
    this.byteLength = (previous?.byteLength ?? 0) + (frame?.length ?? 0);
  }

  append(frame: Buffer): Owed {
    if (this.#nextFrame === frame && this.#next !== undefined) return this.#next;
    this.#nextFrame = frame;
    this.#next = new Owed(this, frame);
    return this.#next;
  }

  /** All frames as one buffer, joined once however many sockets ask. */
  bytes(): Buffer {
    this.#joined ??= this.#join();
    return this.#joined;
  }

  #join(): Buffer {
    const frames: Buffer[] = [];
    for (let link: Owed | undefined = this; link !== undefined; link = link.#previous) {
      if (link.#frame !== undefined) frames.push(link.#frame);
    }
    const [only] = frames;
    return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames.reverse(), this.byteLength);
  }
}

/** A connection that is owed frames. */
export interface Debtor {
  flush(): void;
}

/** Sockets of a flush that is worth to be waited for. */
const MANY = 200;
/**
 * The share of what the last flush took that the next may wait for more, where it follows as closely upon it. Events that
 * come so close together find the node busy: written together they cost next to nothing, and reach the last socket sooner.
 */
const SHARE = 1 / 3;
/** However long it took, be it that the process was not running. */
const PATIENCE_MS = 10;

/** One for the node. */
export class Outbox {
  #start = new Owed();
  #waiting: Debtor[] = [];
  #openedAtMs = 0;
  #flushedAtMs = 0;
  #flushTookMs = 0;
  /** Sockets of the last flush. */
  #flushed = 0;

  /** Called with a connection's first frame of a turn: it is flushed at the turn's end. @returns the empty chain. */
  open(debtor: Debtor): Owed {
    if (this.#waiting.length === 0) {
      this.#openedAtMs = performance.now();
      // The check phase follows the poll phase in which sockets are read, so this is the end of the same turn.
      setImmediate(this.#endTurn);
    }
    this.#waiting.push(debtor);
    return this.#start;
  }

  readonly #endTurn = (): void => {
    if (this.#isWorthWaiting()) setImmediate(this.#endTurn);
    else this.#flush();
  };

  /** Never for an event that follows upon a pause. */
  #isWorthWaiting(): boolean {
    if (this.#flushed < MANY) return false;
    const patienceMs = Math.min(this.#flushTookMs * SHARE, PATIENCE_MS);
    return this.#openedAtMs - this.#flushedAtMs < patienceMs && performance.now() - this.#openedAtMs < patienceMs;
  }

  #flush(): void {
    const beganAtMs = performance.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#start = new Owed();
    for (const debtor of waiting) debtor.flush();
    this.#flushed = waiting.length;
    this.#flushedAtMs = performance.now();
    this.#flushTookMs = this.#flushedAtMs - beganAtMs;
  }
}
