// HTTP requests to addresses of the configuration, bounded in time and size; redirects are answers, not followed.
import { setMaxListeners } from 'node:events';

/** Why there is no answer. The message is for logs: it names the cause, and nothing of the request. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  readonly reason: 'slow' | 'unreachable' | 'garbled' | 'stopped';

  constructor(reason: FetchFailure['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface FetchOptions {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the first byte sent to the last received. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
}

export interface Fetched {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** @throws FetchFailure: too slow, not reachable, larger than allowed or not UTF-8, or the server is stopping. */
export async function fetchText(url: string, options: FetchOptions): Promise<Fetched> {
  const { method, headers, body, timeoutMs, maxBytes, signal } = options;
  // Not AbortSignal.any: on Node 20 a signal keeps a trace of every signal that was ever made of it.
  const ended = new AbortController();
  const end = () => ended.abort();
  const tooSlow = setTimeout(end, timeoutMs);
  setMaxListeners(0, signal);
  signal.addEventListener('abort', end);
  try {
    signal.throwIfAborted();
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: ended.signal,
      ...(body !== undefined && { body }),
    });
    return { status: response.status, headers: response.headers, text: await readText(response, maxBytes) };
  } catch (err) {
    if (err instanceof FetchFailure) throw err;
    if (signal.aborted) throw new FetchFailure('stopped', 'the server is stopping');
    if (ended.signal.aborted) throw new FetchFailure('slow', `no answer within ${timeoutMs} ms`);
    throw new FetchFailure('unreachable', causeOf(err));
  } finally {
    clearTimeout(tooSlow);
    signal.removeEventListener('abort', end);
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new FetchFailure('garbled', `the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new FetchFailure('garbled', 'the answer is not UTF-8');
  }
}

/** fetch hides the reason in `cause`. Where there is none its message may quote a header, so it is not used. */
function causeOf(err: unknown): string {
  const { cause } = err as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? 'the request cannot be sent';
}
