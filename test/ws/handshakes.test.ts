// The answer to a handshake: in one write with the first frame, and never held back by it.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import type { Core } from '../../src/core/core.ts';
import { WebSocketEndpoint } from '../../src/ws/server.ts';
import { createHarness } from '../core/support/harness.ts';

/** A connection that keeps what is written to it, one text for each write to the kernel. */
class Recorder extends Duplex {
  readonly written: string[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#record([chunk]);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#record(chunks.map(({ chunk }) => chunk));
    done();
  }

  #record(chunks: Buffer[]): void {
    this.written.push(Buffer.concat(chunks).toString('latin1'));
    this.emit('written');
  }
}

function handshake(url: string): IncomingMessage {
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  return { method: 'GET', url, headers } as unknown as IncomingMessage;
}

function open(core: Core, query = 'protocol=7'): Recorder {
  const stream = new Recorder();
  new WebSocketEndpoint({ core, pathPrefix: '', log: pino({ level: 'silent' }) }).upgrade(
    handshake(`/app/key?${query}`),
    stream,
    Buffer.alloc(0),
  );
  return stream;
}

describe('the answer to a handshake', () => {
  it('leaves with the first frame in one write', async () => {
    await using harness = await createHarness();
    const stream = open(harness.core);
    await once(stream, 'written');
    expect(stream.written).toEqual([expect.stringMatching(/^HTTP\/1.1 101 [\s\S]*pusher:connection_established/)]);
  });

  it('leaves with the reason when the socket is refused', async () => {
    await using harness = await createHarness();
    const stream = open(harness.core, 'protocol=3');
    await once(stream, 'written');
    expect(stream.written[0]).toMatch(/^HTTP\/1.1 101 [\s\S]*"code":4007/);
  });

  it('does not wait for a first frame that takes longer', async () => {
    const adapters = memoryAdapters();
    let admit = (_: { admitted: boolean }): void => {};
    const connect = () =>
      new Promise<{ admitted: boolean }>((resolve) => {
        admit = resolve;
      });
    Object.assign(adapters.tracker, { connect });
    await using harness = await createHarness({}, {}, adapters);
    const stream = open(harness.core);
    await once(stream, 'written');
    expect(stream.written).toEqual([expect.stringMatching(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/)]);
    admit({ admitted: true });
    await once(stream, 'written');
    expect(stream.written[1]).toContain('pusher:connection_established');
  });
});
