// What is answered where a request is refused: plain text, as Pusher's libraries show it, and JSON under /admin, whose
// clients read nothing else.
import type { FastifyReply } from 'fastify';
import { RequestError } from '../protocol/errors.ts';

/** @param hasAdmin whether there is an admin API: without one, /admin is a path like any other */
export function refuse(reply: FastifyReply, { status, message, headers }: RequestError, hasAdmin: boolean): void {
  reply.code(status).headers(headers);
  if (hasAdmin && /^\/admin(?![^/?])/.test(reply.request.url)) {
    reply.type('application/json').send(JSON.stringify({ error: message }));
  } else {
    reply.type('text/plain; charset=utf-8').send(message);
  }
}

/** Paths that cannot be decoded, or are too long, before any route is known. */
export function pathRefusal({ statusCode = 400 }: { readonly statusCode?: number | undefined }): RequestError {
  const text = statusCode === 414 ? 'URI too long.' : 'The path is not valid percent-encoded UTF-8.';
  return new RequestError(statusCode, text);
}
