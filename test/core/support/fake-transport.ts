// A socket that records what core tells it.
import type { Transport } from '../../../src/core/ports.ts';
import { textsOf } from '../../protocol/support/frames.ts';

export class FakeTransport implements Transport {
  /** Set by tests that play a peer who reads slowly. */
  unsentBytes = 0;
  readonly peer = { address: '192.0.2.7', forwardedFor: undefined, bytesReceived: 12, bytesSent: 34 };
  /** Each call's very buffer. */
  readonly writes: Buffer[] = [];
  pings = 0;
  /** undefined: what the handshake said. */
  maxMessageBytes: number | undefined;
  paused = false;
  /** How often it was told to pause and to resume. */
  pauses = 0;
  closedWith: { readonly code: number; readonly reason: string } | undefined;

  write(frames: Buffer): void {
    if (this.closedWith === undefined) this.writes.push(frames);
  }

  ping(): void {
    this.pings += 1;
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }

  limit(maxMessageBytes: number): void {
    this.maxMessageBytes = maxMessageBytes;
  }

  pause(): void {
    this.paused = true;
    this.pauses += 1;
  }

  resume(): void {
    this.paused = false;
  }

  /** Texts of all frames so far. */
  get texts(): string[] {
    return this.writes.flatMap(textsOf);
  }
}
