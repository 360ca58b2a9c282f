// A value parsed from YAML or JSON → one that is safe to merge: no __proto__ keys, no cycles, no keys without a value.
import type { Path } from './draft.ts';

/** Far deeper than any configuration; an alias inside its own anchor is endless. */
const DEPTH = 16;

/**
 * A copy. Keys without a value (`redis:` with everything under it commented out) are left out, as if not written.
 * @param refuse hears of each key that is dangerous or too deep, which is then left out.
 */
export function plainTree(value: unknown, refuse: (path: Path, text: string) => void, path: Path = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (path.length > DEPTH) {
    refuse(path.slice(0, 4), 'is nested too deeply');
    return undefined;
  }
  if (Array.isArray(value)) return value.map((item, index) => plainTree(item, refuse, [...path, index]));
  const copy: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    if (name === '__proto__') refuse([...path, name], 'unknown key');
    else if (child !== null) copy[name] = plainTree(child, refuse, [...path, name]);
  }
  return copy;
}
