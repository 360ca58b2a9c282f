// The keys of the configuration as a flat list, and the environment variables that set them. Pure.
import { configJsonSchema, type JsonSchema } from './schema.ts';
import { plainTree } from './tree.ts';

/** One key that holds a value rather than other keys. */
export interface Key {
  readonly path: readonly string[];
  /** list: of texts. json: a list of groups of keys, or names and values that are free to choose. */
  readonly type: 'integer' | 'boolean' | 'string' | 'list' | 'json';
}

const schema = configJsonSchema();

/** Every key outside `apps`, in the schema's order. */
export const configKeys: readonly Key[] = keysOf(schema).filter(({ path }) => path[0] !== 'apps');
/** Every key of one app. */
export const appKeys: readonly Key[] = keysOf(schema.properties?.apps?.items ?? {});

/** FANFARE_PORT → port; FANFARE_SHUTDOWN_DEADLINE_SECONDS → shutdown.deadlineSeconds; … */
export const configVariables: ReadonlyMap<string, Key> = variables('FANFARE', configKeys);
/** FANFARE_APP_ID → id; FANFARE_APP_LIMITS_CONNECTIONS → limits.connections; … */
export const appVariables: ReadonlyMap<string, Key> = variables('FANFARE_APP', appKeys);

/** The variables that are no key: the file's name, the development switch, all apps as a JSON array. */
export const otherVariables = ['FANFARE_CONFIG', 'FANFARE_DEV', 'FANFARE_APPS'] as const;

/** Names that Laravel's .env files have, and what they set here. FANFARE_* names win over them. */
export const laravelVariables: ReadonlyMap<string, readonly string[]> = new Map([
  ['REVERB_SERVER_HOST', ['host']],
  ['REVERB_SERVER_PORT', ['port']],
  ['REVERB_SERVER_PATH', ['path']],
  ['REVERB_SCALING_CHANNEL', ['redis', 'prefix']],
  ['REDIS_URL', ['redis', 'url']],
  ['REDIS_HOST', ['redis', 'host']],
  ['REDIS_PORT', ['redis', 'port']],
  ['REDIS_USERNAME', ['redis', 'username']],
  ['REDIS_PASSWORD', ['redis', 'password']],
  ['REDIS_DB', ['redis', 'db']],
]);

function keysOf(schema: JsonSchema, path: readonly string[] = []): Key[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const here = [...path, name];
    if (child.properties !== undefined) return keysOf(child, here);
    return [{ path: here, type: typeOf(child) }];
  });
}

function typeOf({ type, items }: JsonSchema): Key['type'] {
  if (type === 'integer' || type === 'boolean' || type === 'string') return type;
  return type === 'array' && items?.type === 'string' ? 'list' : 'json';
}

function variables(prefix: string, keys: readonly Key[]): Map<string, Key> {
  return new Map(keys.map((key) => [[prefix, ...key.path.map(screamingSnake)].join('_'), key]));
}

function screamingSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * The value a variable or flag means: digits where a whole number belongs, yes and no words for booleans, a list split
 * at commas, JSON where a text cannot be split. What does not fit stays text, for the schema to refuse.
 */
export function parseValue(key: Key, text: string): unknown {
  switch (key.type) {
    case 'integer':
      return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return parseBoolean(text) ?? text;
    case 'list':
      // As FANFARE_APPS has them, or as people write them.
      if (text.trim().startsWith('[')) return parseJson(text) ?? text;
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'json':
      return parseJson(text) ?? text;
    case 'string':
      return text;
    default:
      return key.type satisfies never;
  }
}

/** Undefined when the text is not JSON, or JSON that is not safe to merge. */
function parseJson(text: string): unknown {
  let isSafe = true;
  const refuse = () => {
    isSafe = false;
  };
  try {
    const tree = plainTree(JSON.parse(text), refuse);
    return isSafe ? tree : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when the text is neither. Laravel's "(true)" and "(false)" are understood. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (['true', '(true)', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '(false)', '0', 'no', 'off'].includes(word)) return false;
  return undefined;
}
