// Adds a route and, for its path, 405 with Allow for every other method.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requestErrors } from '../protocol/errors.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const;

/** What the handler resolves to is answered as JSON with status 200; a text is JSON already. */
export function route(
  fastify: FastifyInstance,
  method: 'GET' | 'POST',
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<object | string>,
): void {
  fastify.route({
    method,
    url,
    handler: async (request, reply) => {
      const answer = await handler(request, reply);
      // A serializer of its own keeps Fastify from adding a charset, which JSON has not.
      reply.header('content-type', 'application/json').serializer(asItIs);
      return typeof answer === 'string' ? answer : JSON.stringify(answer);
    },
  });
  const allowed: readonly string[] = method === 'GET' ? ['GET', 'HEAD'] : [method];
  fastify.route({
    method: METHODS.filter((other) => !allowed.includes(other)),
    url,
    // Before the app is looked up or the body is read.
    onRequest: (_request, _reply, done) => done(requestErrors.methodNotAllowed(allowed.join(', '))),
    handler: async () => ({}),
  });
}

function asItIs(text: string): string {
  return text;
}
