// What the schema found wrong → one line each, for the person who wrote the configuration.
import type { z } from 'zod';
import { type Draft, mistakeText, type Path } from './draft.ts';
import { nearestName } from './nearest.ts';
import type { JsonSchema } from './schema.ts';
import { holdsHeaders, holdsSecrets, isSecret, isUrl } from './secrets.ts';

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
  if (value === undefined && issue.code !== 'custom') return [mistakeText(path, source, 'is required')];
  const form = source?.kind === 'environment' && typeof value === 'string' ? asJson(issue) : '';
  const text = `${expectation(issue)}${form}${got(issue, path, value)}${quoteHint(issue, value)}`;
  return [mistakeText(path, source, text)];
}

/** What is written there instead, where that says more than the mistake itself, and is no secret. */
function got(issue: Issue, path: Path, value: unknown): string {
  const name = String(path.at(-1));
  const hidden = isSecret(name) || holdsSecrets(name) || isUrl(name) || holdsHeaders(path);
  if (value === undefined || hidden || holdsPassword(value)) return '';
  if (issue.code !== 'invalid_type') return typeof value === 'object' ? '' : `, got ${shown(value)}`;
  // Somebody may have put a secret where its group belongs.
  const isGroup = issue.expected === 'object' || issue.expected === 'record';
  return isGroup && typeof value === 'string' ? ', got text' : `, got ${shown(value)}`;
}

/** user:password@host, where only host:port belongs. */
function holdsPassword(value: unknown): boolean {
  return typeof value === 'string' && /:.*@/s.test(value);
}

/** Variables hold what is more than a list of texts as JSON. */
function asJson(issue: Issue): string {
  if (issue.code !== 'invalid_type') return '';
  if (issue.expected === 'array') return ' in JSON, such as [{"key":"value"}]';
  return issue.expected === 'record' ? ' in JSON, such as {"name":"value"}' : '';
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
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty'
        : `must be ${issue.minimum} or more`;
    case 'too_big':
      return `must be ${issue.maximum} or less`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
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
  record: 'a group of keys',
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

function schemaAt(schema: JsonSchema, path: Path): JsonSchema | undefined {
  let here: JsonSchema | undefined = schema;
  for (const part of path) here = typeof part === 'number' ? here?.items : here?.properties?.[part];
  return here;
}
