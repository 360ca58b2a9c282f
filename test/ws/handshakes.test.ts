// The answer to a handshake: in one write with the first frame, and never held back by it.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ConfigAppStore } from '../../src/adapters/apps/config-store.ts';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import { appSchema } from '../../src/core/app.ts';
import { Core } from '../../src/core/core.ts';
import type { Adapters } from '../../src/core/ports.ts';
import { WebSocketEndpoint } from '../../src/ws/server.ts';

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

function createCore(adapters: Adapters): Core {
  const options = {
    activityTimeoutSeconds: 30,
    pongTimeoutSeconds: 30,
    maxConnections: 0,
    maxUnsentBytes: 1_048_576,
    shutdown: { closesPerSecond: 100 },
    administered: false,
    version: '1.2.3',
  };
  const app = appSchema.parse({ id: 'app', key: 'key', secret: 'secret' });
  return new Core(adapters, new ConfigAppStore([app]), options, pino({ level: 'silent' }));
}

describe('the answer to a handshake', () => {
  it('leaves with the first frame in one write', async () => {
    const stream = open(createCore(memoryAdapters()));
    await once(stream, 'written');
    expect(stream.written).toEqual([expect.stringMatching(/^HTTP\/1.1 101 [\s\S]*pusher:connection_established/)]);
  });

  it('leaves with the reason when the socket is refused', async () => {
    const stream = open(createCore(memoryAdapters()), 'protocol=3');
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
    const stream = open(createCore(adapters));
    await once(stream, 'written');
    expect(stream.written).toEqual([expect.stringMatching(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/)]);
    admit({ admitted: true });
    await once(stream, 'written');
    expect(stream.written[1]).toContain('pusher:connection_established');
  });
});
