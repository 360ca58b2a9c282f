// Why another machine could not be reached, in words.

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused, is the server running?',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'the host cannot be reached',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed (NODE_EXTRA_CA_CERTS=file.pem makes it trusted)',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate’s authority is not trusted (NODE_EXTRA_CA_CERTS=file.pem makes it)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate’s authority is not known',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there: use http:// instead of https://',
};

/** Reads the code of the error, its cause (fetch) or the first of several attempts (localhost on IPv4 and IPv6). */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error instanceof AggregateError && error.errors.length > 0) return networkReason(error.errors[0]);
  if (error.cause instanceof Error) return networkReason(error.cause);
  const code = 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? error.message;
}
