// Request bodies as the bytes that came, which is what signatures cover; bounded per app.
import type { IncomingMessage } from 'node:http';
import { RequestError, requestErrors } from '../protocol/errors.ts';

/** A sender may finish a body that is too large up to here, so that it reads the answer; then it is cut off. */
const DRAIN_BYTES = 64 * 1024 * 1024;

/**
 * Reads all of the body.
 * @throws RequestError 413 with the limit and the actual size; 400, which nobody reads, when the sender is gone.
 */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limitBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > DRAIN_BYTES) reject(requestErrors.bodyCut(limitBytes, DRAIN_BYTES));
    });
    request.on('end', () => {
      if (bytes > limitBytes) reject(requestErrors.bodyTooLarge(limitBytes, bytes));
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    request.on('error', () => reject(new RequestError(400, 'The request ended before its body was complete.')));
  });
}
