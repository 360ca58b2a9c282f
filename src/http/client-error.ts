// What is no HTTP request at all, or one that takes too long, is answered in plain text like every other error.
import type { Socket } from 'node:net';

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** For the server's 'clientError' event: the connection cannot be used any further. */
export function answerClientError(err: NodeJS.ErrnoException, socket: Socket): void {
  if (err.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (!socket.writable) {
    // Answers may still be on their way.
    socket.destroySoon();
    return;
  }
  const status = STATUS[err.code ?? ''] ?? '400 Bad Request';
  const text = `${status.slice(4)}: ${err.message}`;
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}
