// A dotenv file → its variables, read as Laravel reads it. node:util's parseEnv is not enough: it cannot tell '${A}'
// from "${A}", ends "a \"b\"" at the second quote, drops what it does not understand, and knows no line numbers.

export interface EnvFileEntry {
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

export interface EnvFile {
  readonly entries: ReadonlyMap<string, EnvFileEntry>;
  /** Numbers of the lines that are neither empty, a comment nor NAME=value. */
  readonly badLines: readonly number[];
}

const BLANK = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
const ENTRY =
  /[ \t]*(?:export[ \t]+)?(?<name>[A-Za-z_][\w.]*)[ \t]*(?:=[ \t]*(?:'(?<literal>[^']*)'|"(?<quoted>(?:\\.|[^"\\])*)"|(?<bare>[^\n#'"][^\n#]*)?))?[ \t]*(?:#[^\n]*)?(?:\n|$)/sy;
const REST = /[^\n]*\n?/y;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' };

/**
 * The last of equal names wins. `${NAME}` stands for an earlier line's value, which a variable of `env` outranks; an
 * unknown name stays as it is written.
 */
export function parseEnvFile(text: string, env: Readonly<Record<string, string | undefined>>): EnvFile {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const entries = new Map<string, EnvFileEntry>();
  const badLines: number[] = [];
  const lookUp = (name: string) => (Object.hasOwn(env, name) ? env[name] : undefined) ?? entries.get(name)?.value;
  let line = 1;
  for (let at = 0; at < source.length; ) {
    const entry = matchAt(ENTRY, source, at);
    const matched = entry ?? matchAt(BLANK, source, at);
    const { name, literal, quoted, bare } = entry?.groups ?? {};
    if (matched === null) badLines.push(line);
    if (name !== undefined) {
      const value =
        literal ?? (quoted === undefined ? interpolate(bare?.trim() ?? '', lookUp) : unquote(quoted, lookUp));
      entries.set(name, { value, line });
    }
    const taken = (matched ?? matchAt(REST, source, at))?.[0] ?? '';
    line += taken.split('\n').length - 1;
    at += Math.max(1, taken.length);
  }
  return { entries, badLines };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

type LookUp = (name: string) => string | undefined;

function interpolate(text: string, lookUp: LookUp): string {
  return text.replace(/\$\{([A-Za-z_][\w.]*)\}/g, (written, name: string) => lookUp(name) ?? written);
}

/** Escapes and references in one pass, so that "\${A}" is not a reference. */
function unquote(text: string, lookUp: LookUp): string {
  return text.replace(/\\(.)|\$\{([A-Za-z_][\w.]*)\}/gs, (written, escaped?: string, name?: string) => {
    if (escaped !== undefined) return ESCAPES[escaped] ?? escaped;
    return lookUp(name ?? '') ?? written;
  });
}
