// Checks what a request says against the schema of its endpoint; a refusal names the field.
import { z } from 'zod';
import { type RequestError, requestErrors } from '../../protocol/errors.ts';

/** Far deeper than anything that is asked for. */
const DEPTH = 32;

/**
 * @param sent what `value` was made of, where it is not the same: fields that are null there were taken out
 * @throws RequestError 400 that names the first field that is wrong
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, sent: unknown = value): T {
  const open = schema instanceof z.ZodObject ? schema.shape : {};
  refuseProto(value, (name) => open[name] instanceof z.ZodUnknown);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusalOf(result.error.issues[0], value, sent);
}

function refusalOf(issue: z.core.$ZodIssue | undefined, value: unknown, sent: unknown): RequestError {
  const path = issue?.path ?? [];
  const where = path.join('.') || 'the request body';
  switch (issue?.code) {
    case 'unrecognized_keys':
      return requestErrors.unknownParameter([...path, issue.keys[0]].join('.'));
    case 'invalid_key':
      return requestErrors.invalid(where, issue.issues[0]?.message ?? 'no name');
    case 'invalid_type':
    case 'invalid_value':
      if (at(value, path) !== undefined) break;
      if (at(sent, path) === null) return requestErrors.invalid(where, 'null would take it out, and it is needed');
      return requestErrors.missing(where);
  }
  return requestErrors.invalid(where, issue?.message ?? 'unexpected value');
}

/**
 * The schema passes over this name in silence, and a copy of what has it may be something else.
 * @param isOpen names of fields that are any JSON, and nobody's business here
 */
function refuseProto(value: unknown, isOpen: (name: string) => boolean, path: readonly string[] = []): void {
  if (typeof value !== 'object' || value === null) return;
  if (path.length > DEPTH) throw requestErrors.invalid(path.slice(0, 3).join('.'), 'nests too deeply');
  for (const [name, child] of Object.entries(value)) {
    const here = [...path, name];
    if (name === '__proto__') throw requestErrors.unknownParameter(here.join('.'));
    if (path.length > 0 || !isOpen(name)) refuseProto(child, isOpen, here);
  }
}

/** undefined where there is nothing. */
function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<PropertyKey, unknown>>)[name];
  }
  return here;
}
