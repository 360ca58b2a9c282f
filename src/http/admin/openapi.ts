// The OpenAPI document of the admin API, made of the schemas that check its requests. Pure.
import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';

type Json = Readonly<Record<string, unknown>>;

const error = {
  description: 'Refused: `error` says why.',
  content: { 'application/json': { schema: schemaOf(z.object({ error: z.string() }), 'output') } },
};
const COMMON: Readonly<Record<number, string>> = {
  400: 'The request is not understood.',
  401: 'No token, or a wrong one.',
  503: 'Redis, or another server that is needed, is away. Nothing was done.',
};

/** @param server where the API is, a path or a URL */
export function openApiOf(endpoints: readonly Endpoint[], version: string, server: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operationOf(endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Fanfare admin API', version },
    servers: [{ url: server }],
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  };
}

function operationOf(endpoint: Endpoint): Json {
  const { method, path, summary, body, bodyIsOptional = false, answers, status = 200, refuses = {} } = endpoint;
  const appMissing = path.includes('{appId}') ? { 404: 'There is no such app.' } : {};
  const refused = Object.entries({ ...COMMON, ...appMissing, ...refuses });
  return {
    operationId: operationIdOf(method, path),
    summary,
    parameters: [...pathParameters(endpoint), ...queryParameters(endpoint), ...headerParameters(endpoint)],
    ...(body !== undefined && {
      requestBody: { required: !bodyIsOptional, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      [status]: { description: 'Done.', content: { 'application/json': { schema: schemaOf(answers, 'output') } } },
      ...Object.fromEntries(refused.map(([code, description]) => [code, { ...error, description }])),
    },
  };
}

/** As get_apps_appId_channels. */
function operationIdOf(method: string, path: string): string {
  return [method.toLowerCase(), ...path.split('/').filter((part) => part !== '')].join('_').replace(/[{}]/g, '');
}

function pathParameters({ path, parameters = {} }: Endpoint): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...(parameters[name] !== undefined && { description: parameters[name] }),
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Endpoint): Json[] {
  if (query === undefined) return [];
  const { properties = {} } = schemaOf(query, 'input') as { properties?: Record<string, { description?: string }> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description !== undefined && { description }),
    schema,
  }));
}

function headerParameters({ once = false }: Endpoint): Json[] {
  if (!once) return [];
  const description =
    '1 to 255 printable ASCII characters. The same request with the same key is done once within 24 hours, on whichever ' +
    'server; one that was refused (400, 413, 429) is not remembered.';
  return [{ name: 'Idempotency-Key', in: 'header', required: false, description, schema: { type: 'string' } }];
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}
