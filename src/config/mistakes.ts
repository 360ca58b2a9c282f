// What the schema found wrong → one line each, for the person who wrote the configuration.
import type { z } from 'zod';
import { type Draft, mistakeText, type Path } from './draft.ts';
import { nearestName } from './nearest.ts';
import type { JsonSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** @param schema names the known keys, for suggestions. */
export function issueTexts(issue: Issue, draft: Draft, schema: JsonSchema): string[] {
  const path = issue.path as Path;
  const source = draft.nearestSource(path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schemaAt(schema, path)?.properties ?? {});
    return issue.keys.map((key) => {
      const meant = nearestName(key, known);
      const hint = meant === undefined ? '' : `, did you mean ${meant}?`;
      return mistakeText([...path, key], draft.nearestSource([...path, key]), `unknown key${hint}`);
    });
  }
  const value = draft.get(path);
  if (value === undefined) return [mistakeText(path, source, 'is required')];
  const got = isSecret(path) ? '' : `, got ${shown(value)}`;
  return [mistakeText(path, source, `${expectation(issue)}${got}${quoteHint(issue, value)}`)];
}

function expectation(issue: Exclude<Issue, { code: 'unrecognized_keys' }>): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values
        .map(String)
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be ${issue.minimum} or more`;
    case 'too_big':
      return `must be ${issue.maximum} or less`;
    default:
      return issue.message;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  object: 'a group of keys',
  array: 'a list',
};

/** YAML reads an unquoted 123 as a number, which would lose the zeros of an id such as 0012. */
function quoteHint(issue: Issue, value: unknown): string {
  const isScalar = typeof value === 'number' || typeof value === 'boolean';
  return issue.code === 'invalid_type' && issue.expected === 'string' && isScalar ? ': put it in quotes' : '';
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a group of keys';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** Whether the value under this key must not be shown. */
function isSecret(path: Path): boolean {
  return ['secret', 'password', 'url'].includes(String(path.at(-1)));
}

function schemaAt(schema: JsonSchema, path: Path): JsonSchema | undefined {
  let here: JsonSchema | undefined = schema;
  for (const part of path) here = typeof part === 'number' ? here?.items : here?.properties?.[part];
  return here;
}
