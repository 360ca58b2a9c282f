// WebSocket framing of a client (RFC 6455 §5.2), no more than a load generator needs: whole frames, no extensions.

export const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

const MASKED = 0x80;
const FINAL = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;

/**
 * One masked frame. The mask is zero, which the RFC's format allows and which leaves the payload as it is: servers undo it
 * like any other, and the load generator saves the work.
 */
export function clientFrame(opcode: number, payload: Buffer | string): Buffer {
  const length = Buffer.byteLength(payload);
  const extended = length < LENGTH_16 ? 0 : length < 0x10000 ? 2 : 8;
  const start = 2 + extended + MASK_BYTES;
  const frame = Buffer.alloc(start + length);
  frame[0] = FINAL | opcode;
  frame[1] = MASKED | (extended === 0 ? length : extended === 2 ? LENGTH_16 : LENGTH_64);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  if (typeof payload === 'string') frame.write(payload, start);
  else payload.copy(frame, start);
  return frame;
}

export interface FrameSink {
  /** The payload is buffer[from, to); it is only good during the call. */
  frame(opcode: number, buffer: Buffer, from: number, to: number): void;
}

/** Puts frames together that arrive in pieces. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame that is not whole yet. */
  #rest: Buffer | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Buffer[from, end) is what came next; it may be overwritten afterwards. @throws as readFrames */
  push(buffer: Buffer, from: number, end: number): void {
    if (this.#rest !== undefined) {
      buffer = Buffer.concat([this.#rest, buffer.subarray(from, end)]);
      from = 0;
      end = buffer.length;
      this.#rest = undefined;
    }
    const at = readFrames(buffer, from, end, this.#sink);
    if (at < end) this.#rest = Buffer.from(buffer.subarray(at, end));
  }
}

/**
 * Hands every whole frame of buffer[at, end) to the sink, by its header alone.
 * @returns where the first frame begins that is not whole yet, or `end`
 * @throws Error for what a Pusher server has no reason to send: masked or fragmented frames, extensions
 */
function readFrames(buffer: Buffer, at: number, end: number, sink: FrameSink): number {
  while (end - at >= 2) {
    const first = buffer[at] ?? 0;
    const second = buffer[at + 1] ?? 0;
    let length = second;
    let payload = at + 2;
    if (second === LENGTH_16) {
      payload += 2;
      if (payload > end) return at;
      length = buffer.readUInt16BE(at + 2);
    } else if (second === LENGTH_64) {
      payload += 8;
      if (payload > end) return at;
      length = Number(buffer.readBigUInt64BE(at + 2));
    } else if (second > LENGTH_64) throw new Error('the server sent a masked frame');
    if ((first & 0x70) !== 0)
      throw new Error('the server sent a frame with reserved bits: an extension nobody agreed on');
    if ((first & FINAL) === 0 || (first & 0x0f) === 0) throw new Error('the server sent a fragmented message');
    if (payload + length > end) return at;
    at = payload + length;
    sink.frame(first & 0x0f, buffer, payload, at);
  }
  return at;
}
