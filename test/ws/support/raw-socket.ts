// A WebSocket client of bare bytes: it sends frames no library would, and reads only when it is asked to.
import { once } from 'node:events';
import { RawConnection } from '../../support/raw-connection.ts';
import type { TestServer } from '../../support/server.ts';

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameParts {
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly masked?: boolean;
  /** Bits 64, 32 and 16 of the first byte. */
  readonly reserved?: number;
  /** Written instead of the payload's length. */
  readonly length?: number;
}

/** One frame as a client sends it; text frames unless the parts say otherwise. */
export function clientFrame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { opcode = opcodes.text, fin = true, masked = true, reserved = 0 } = parts;
  const bytes = Buffer.from(payload as string);
  const length = parts.length ?? bytes.length;
  const size =
    length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, ...eightBytes(length)];
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  const header = [(fin ? 0x80 : 0) | reserved | opcode, (masked ? 0x80 : 0) | (size[0] ?? 0), ...size.slice(1)];
  if (!masked) return Buffer.concat([Buffer.from(header), bytes]);
  return Buffer.concat([Buffer.from([...header, ...mask]), bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

function eightBytes(length: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return [...bytes];
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export class RawSocket extends RawConnection {
  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The head of an HTTP answer; what follows it is read as frames. */
  answerHead(): Promise<string> {
    return this.takeHead();
  }

  /** All that is still to come until the peer ends the connection. */
  async rest(): Promise<string> {
    await this.closed;
    return this.received.toString('latin1');
  }

  async next(): Promise<ServerFrame> {
    await this.until(() => this.received.length >= 2);
    const short = (this.received[1] ?? 0) & 127;
    const header = await this.take(short < 126 ? 2 : short === 126 ? 4 : 10);
    const length = short < 126 ? short : short === 126 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
    return { opcode: (header[0] ?? 0) & 15, payload: await this.take(length) };
  }

  /** The event of the next text frame. */
  async nextEvent(): Promise<{ event: string; data?: unknown; channel?: string }> {
    const { opcode, payload } = await this.next();
    if (opcode !== opcodes.text) throw new Error(`a text frame was expected, opcode ${opcode} came`);
    return JSON.parse(payload.toString());
  }

  /** The code of the next close frame; frames before it are dropped. */
  async nextCloseCode(): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.next();
      if (opcode === opcodes.close) return payload.readUInt16BE(0);
    }
  }
}

export function upgradeRequest(target: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({
    host: 'test',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A TCP connection on which nothing was sent yet. */
export async function dial(server: TestServer): Promise<RawSocket> {
  const raw = new RawSocket(server);
  await once(raw.socket, 'connect');
  return raw;
}

/** Upgraded and established. @returns it with its socket id. */
export async function openRaw(server: TestServer): Promise<RawSocket & { socketId: string }> {
  const raw = await dial(server);
  raw.write(upgradeRequest(`/app/${server.app.key}?protocol=7`));
  await raw.answerHead();
  const { data } = await raw.nextEvent();
  const { socket_id: socketId } = JSON.parse(data as string) as { socket_id: string };
  return Object.assign(raw, { socketId });
}
