// The configuration while it is being put together: a tree of values, and for each where it came from.

export type Path = readonly (string | number)[];

/** Where a value came from: the layer, and the place in it (a variable, a flag, file:line:column). */
export interface Source {
  readonly kind: 'flag' | 'environment' | 'file' | 'development' | 'default';
  readonly where?: string;
}

type Branch = Record<string | number, unknown>;

/** `apps[0].limits.connections` */
export function pathText(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** `flag (--port)`, `environment (FANFARE_PORT)`, `file (fanfare.yaml:3:1)`, `default` */
export function sourceText({ kind, where }: Source): string {
  return where === undefined ? kind : `${kind} (${where})`;
}

/** One line of a report: what, where it was said, and what is wrong with it. */
export function mistakeText(path: Path, source: Source | undefined, text: string): string {
  const what = pathText(path);
  const where = source?.where ?? '';
  if (what === '') return where === '' ? text : `${where}: ${text}`;
  return where === '' ? `${what}: ${text}` : `${what} (${where}): ${text}`;
}

/** Later layers are set over earlier ones. Values are plain: made by tree.ts or by parseValue. */
export class Draft {
  readonly #root: Branch = {};
  readonly #sources = new Map<string, Source>();

  get root(): unknown {
    return this.#root;
  }

  get(path: Path): unknown {
    let value: unknown = this.#root;
    for (const part of path) {
      if (!isBranch(value) || !Object.hasOwn(value, part)) return undefined;
      value = value[part];
    }
    return value;
  }

  /**
   * Sets a value, or a tree of values that each have their source; groups made on the way have it too. Where the way is
   * barred by something that is not a group of keys, nothing is set: a mistake of its own, which the schema reports.
   */
  set(path: Path, value: unknown, source: Source | ((path: Path) => Source)): void {
    const sourceOf = typeof source === 'function' ? source : () => source;
    let branch = this.#root;
    for (const [index, part] of path.slice(0, -1).entries()) {
      if (!Object.hasOwn(branch, part)) {
        branch[part] = {};
        this.#note(path.slice(0, index + 1), {}, sourceOf);
      }
      const next = branch[part];
      if (!isBranch(next)) return;
      branch = next;
    }
    const last = path.at(-1);
    if (last === undefined) return;
    branch[last] = value;
    this.#forget(path);
    this.#note(path, value, sourceOf);
  }

  /** The source of exactly this key; of a key that was not set, undefined. */
  source(path: Path): Source | undefined {
    return this.#sources.get(pathText(path));
  }

  /** The source of this key or of the nearest group around it: the best place to point at. */
  nearestSource(path: Path): Source | undefined {
    for (let length = path.length; length > 0; length--) {
      const source = this.source(path.slice(0, length));
      if (source !== undefined) return source;
    }
    return undefined;
  }

  #note(path: Path, value: unknown, sourceOf: (path: Path) => Source): void {
    this.#sources.set(pathText(path), sourceOf(path));
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        this.#note([...path, index], item, sourceOf);
      });
    } else if (isBranch(value)) {
      for (const [name, child] of Object.entries(value)) this.#note([...path, name], child, sourceOf);
    }
  }

  #forget(path: Path): void {
    const prefix = pathText(path);
    for (const key of this.#sources.keys()) {
      if (key.startsWith(`${prefix}.`) || key.startsWith(`${prefix}[`)) this.#sources.delete(key);
    }
  }
}

function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null;
}
