// One request to an endpoint: signed, bounded in time, the answer hardly read (webhooks.md §1, §5).
import { Agent, request } from 'undici';
import type { Webhook } from '../core/app-webhooks.ts';
import { type Credentials, hmacHex } from '../protocol/signature.ts';
import { guardedLookup, RefusedAddress, refuseLiteral } from './address-guard.ts';

/** `reason` is for people and for logs: it has no path, query, header or payload. undefined: it was taken. */
export interface Answer {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
}

export type Send = (webhook: Webhook, pair: Credentials, body: Buffer) => Promise<Answer>;

export interface SenderOptions {
  readonly refusePrivateAddresses: boolean;
  /** Of the server, for User-Agent. */
  readonly version: string;
}

/** Of an answer's body, so that its connection can be used again; a longer one costs the connection. */
const ANSWER_BYTES = 8 * 1024;
/** Of an answer's headers. */
const HEADER_BYTES = 16 * 1024;

export class Sender {
  readonly #options: SenderOptions;
  readonly #agent: Agent;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#agent = new Agent({
      allowH2: false,
      maxHeaderSize: HEADER_BYTES,
      // The total time is limited below.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0, ...(options.refusePrivateAddresses && { lookup: guardedLookup }) },
    });
  }

  /** Never rejects. Any 2xx is success; redirects are not followed. */
  readonly send: Send = async ({ url, headers, timeoutSeconds }, pair, body) => {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), timeoutSeconds * 1000);
    try {
      if (this.#options.refusePrivateAddresses) refuseLiteral(new URL(url));
      const answer = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        // Names are sent as they are spelled here, which PHP's library depends on.
        headers: {
          ...headers,
          'User-Agent': `fanfare/${this.#options.version}`,
          // Exactly this: Node's library compares the whole value.
          'Content-Type': 'application/json',
          'X-Pusher-Key': pair.key,
          'X-Pusher-Signature': hmacHex(pair.secret, body),
        },
        body,
        signal: over.signal,
      });
      // Whatever becomes of the rest, the status is known.
      await answer.body.dump({ limit: ANSWER_BYTES, signal: over.signal }).catch(() => {});
      const { statusCode: status } = answer;
      return { status, reason: reasonOf(status, answer.headers.location) };
    } catch (err) {
      return { reason: over.signal.aborted ? `no answer within ${timeoutSeconds} s` : causeOf(err) };
    } finally {
      clearTimeout(timer);
    }
  };

  /** Ends what is under way. Safe to call twice. */
  async stop(): Promise<void> {
    await this.#agent.destroy();
  }
}

function reasonOf(status: number, location: string | string[] | undefined): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  // 304 and the like lead nowhere (RFC 9110 §15.4).
  if (![301, 302, 303, 307, 308].includes(status)) return `answered ${status}`;
  const [to = ''] = [location ?? []].flat();
  const where = URL.canParse(to) ? ` to ${new URL(to).origin}` : '';
  return `answered ${status}, a redirect${where}: redirects are not followed`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection was closed before an answer',
  UND_ERR_HEADERS_OVERFLOW: `it answered with more than ${HEADER_BYTES / 1024} kB of headers`,
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate’s authority is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate’s authority is not known',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
};

/** A code rather than a message, which might quote what was sent. */
function causeOf(err: unknown): string {
  if (err instanceof RefusedAddress) return err.message;
  if (err instanceof AggregateError && err.errors.length > 0) return causeOf(err.errors[0]);
  const { code, name, message } = err as { code?: unknown; name?: unknown; message?: unknown };
  // undici's word for 100 and for an upgrade, neither of which is asked for.
  if (code === 'UND_ERR_SOCKET' && message === 'bad response')
    return 'it answered 100 Continue, which was not asked for';
  if (name === 'HTTPParserError') return 'it does not answer in HTTP';
  return REASONS[String(code)] ?? String(code ?? name);
}
