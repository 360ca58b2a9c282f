// Upgrades to what this server does not speak, such as HTTP/2 over plain TCP (h2c), which Java's HttpClient offers with
// every first request. A server that does not support an upgrade ignores it and answers the request (RFC 9110 §7.8);
// Node instead takes the connection away from its HTTP parser, so it is handed back with the request put in front.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';

const OFFER = new Set(['upgrade', 'http2-settings']);

/** For the server's 'upgrade' event. @param head what arrived behind the request's head, its body perhaps */
export function declineUpgrade(server: Server, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2);
    if (OFFER.has(name.toLowerCase())) continue;
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? withoutOffer(value) : value}`);
  }
  // Node reads header values as latin1.
  stream.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  // A stream that was decrypted already must not be taken for the start of another handshake.
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', stream);
}

/** What else the client wants of the connection, such as that it be closed. */
function withoutOffer(connection: string): string {
  const wishes = connection.split(',').map((wish) => wish.trim());
  return wishes.filter((wish) => !OFFER.has(wish.toLowerCase())).join(', ') || 'keep-alive';
}
