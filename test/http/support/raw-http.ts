// HTTP over a bare TCP connection: the test decides about every byte, and about every write.
import { once } from 'node:events';
import { RawConnection } from '../../support/raw-connection.ts';
import type { TestServer } from '../../support/server.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export class RawHttp extends RawConnection {
  /** Resolves when the bytes left this process. */
  async write(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** The next answer. @param bodiless for answers to HEAD. */
  async next(bodiless = false): Promise<RawAnswer> {
    const [statusLine = '', ...lines] = (await this.takeHead()).trimEnd().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = bodiless ? 0 : Number(headers['content-length'] ?? 0);
    const body = await this.take(length);
    return { status: Number(statusLine.split(' ')[1]), headers, text: body.toString() };
  }
}

export async function openHttp(server: TestServer): Promise<RawHttp> {
  const http = new RawHttp(server);
  await once(http.socket, 'connect');
  return http;
}

/** Request line and headers, with the line that ends them. */
export function head(method: string, target: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries({ host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** One request on a connection of its own; what fetch would tidy up is sent as it is. */
export async function exchange(
  server: TestServer,
  method: string,
  target: string,
  options: { headers?: Readonly<Record<string, string>>; body?: string | Uint8Array } = {},
): Promise<RawAnswer> {
  await using http = await openHttp(server);
  const { headers, body = '' } = options;
  const length = Buffer.byteLength(body);
  await http.write(head(method, target, { ...(length > 0 && { 'content-length': length }), ...headers }));
  if (length > 0) await http.write(body);
  return await http.next(method === 'HEAD');
}
