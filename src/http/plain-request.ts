// HTTP requests that are whole in one read and plain in every respect (RFC 9112). Nothing is guessed: whatever is not
// exactly so is undefined here, and for Node's own parser to judge.
import type { IncomingHttpHeaders } from 'node:http';

export interface PlainRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Of a POST the body, whole; of a GET what came behind its head. */
  readonly rest: Buffer;
}

const MAX_HEAD_BYTES = 8192;
const REQUEST_LINE = /^(GET|POST) (\/[!-~]*) HTTP\/1\.1$/;
/**
 * A name of RFC 9110's tokens; a value without control characters. Nothing is folded. Without 0xA0, which `trim` takes for a
 * space, and in one group, as two that both match spaces take the square of their number.
 */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\x9f\xa1-\xff]*)$/;
/** Not to be done by halves: bodies in chunks, answers before the body, requests that change the protocol. */
const NOT_PLAIN = ['transfer-encoding', 'expect', 'trailer', 'te', 'http2-settings'];

/** The one request that these bytes are; undefined for anything else. */
export function readPlainRequest(bytes: Buffer): PlainRequest | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0 || end > MAX_HEAD_BYTES) return undefined;
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [, method, url] = REQUEST_LINE.exec(requestLine) ?? [];
  const headers = readHeaders(lines);
  if (method === undefined || url === undefined || headers?.host === undefined) return undefined;
  if (NOT_PLAIN.some((name) => headers[name] !== undefined)) return undefined;
  const rest = bytes.subarray(end + 4);
  const { 'content-length': length } = headers;
  if (method === 'GET') return length === undefined ? { method, url, headers, rest } : undefined;
  const isWhole = length !== undefined && /^\d{1,9}$/.test(length) && Number(length) === rest.length;
  return isWhole && keepsAlive(headers) ? { method: 'POST', url, headers, rest } : undefined;
}

/** undefined also for a header that is there twice: some are joined, some are mistakes. */
function readHeaders(lines: readonly string[]): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  for (const line of lines) {
    const match = HEADER.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (name === undefined || headers[name] !== undefined) return undefined;
    headers[name] = match?.[2]?.trim() ?? '';
  }
  return headers;
}

function keepsAlive({ connection }: IncomingHttpHeaders): boolean {
  return connection === undefined || connection.toLowerCase() === 'keep-alive';
}
