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
 * A name of RFC 9110's tokens; a value without control characters, tabs among them. Nothing is folded. Without 0xA0, which
 * `trim` takes for a space, and as one class, as two that both match spaces take the square of their number.
 */
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~\x80-\x9f\xa1-\xff]*$/;
/** Not to be done by halves: bodies in chunks, answers before the body, requests that change the protocol. */
const NOT_PLAIN = ['transfer-encoding', 'expect', 'trailer', 'te', 'http2-settings', 'proxy-connection'];

interface PostHead {
  readonly headers: IncomingHttpHeaders;
  readonly bodyBytes: number;
}

const KNOWN_HEADS = 500;
const KNOWN_HEAD_BYTES = 1024;
/** By their text, as a backend sends the same headers with each publish, but for a few lengths. */
const known = new Map<string, PostHead>();

/** The one request that these bytes are; undefined for anything else. */
export function readPlainRequest(bytes: Buffer): PlainRequest | undefined {
  const text = bytes.toString('latin1', 0, MAX_HEAD_BYTES + 4);
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const lineEnd = text.indexOf('\r\n');
  const [, method, url] = REQUEST_LINE.exec(text.slice(0, lineEnd)) ?? [];
  if (url === undefined) return undefined;
  // Not a slice of the text, which would be kept whole, with the event in it, where the headers are.
  const fields = bytes.toString('latin1', lineEnd + 2, end);
  const rest = bytes.subarray(end + 4);
  if (method === 'POST') {
    const head = postHead(fields);
    return head?.bodyBytes === rest.length ? { method, url, headers: head.headers, rest } : undefined;
  }
  const headers = readHeaders(fields);
  const isPlain = headers !== undefined && headers['content-length'] === undefined;
  return isPlain ? { method: 'GET', url, headers, rest } : undefined;
}

function postHead(fields: string): PostHead | undefined {
  const earlier = known.get(fields);
  if (earlier !== undefined) return earlier;
  const head = readPostHead(fields);
  if (head === undefined || fields.length > KNOWN_HEAD_BYTES) return head;
  if (known.size === KNOWN_HEADS) known.clear();
  known.set(fields, head);
  return head;
}

/** undefined also where a body has no length, or the connection is to do something else behind it. */
function readPostHead(fields: string): PostHead | undefined {
  const headers = readHeaders(fields);
  const { 'content-length': length = '', connection = 'keep-alive' } = headers ?? {};
  const isPlain = /^\d{1,9}$/.test(length) && connection.toLowerCase() === 'keep-alive';
  return headers !== undefined && isPlain ? { headers: Object.freeze(headers), bodyBytes: Number(length) } : undefined;
}

/** undefined also without a host, and for a header that is there twice: some are joined, some are mistakes. */
function readHeaders(fields: string): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  for (let start = 0; start <= fields.length; ) {
    const next = fields.indexOf('\r\n', start);
    const end = next < 0 ? fields.length : next;
    const line = fields.slice(start, end);
    start = end + 2;
    if (!HEADER.test(line)) return undefined;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (headers[name] !== undefined) return undefined;
    headers[name] = line.slice(colon + 1).trim();
  }
  return headers.host === undefined || NOT_PLAIN.some((name) => headers[name] !== undefined) ? undefined : headers;
}
