// A YAML (or JSON) configuration file → a plain tree and the place of every key in it.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { mistakeText, type Path, pathText, type Source } from './draft.ts';
import { plainTree } from './tree.ts';

export interface ConfigFile {
  /** Undefined when the file could not be read as a group of keys. */
  readonly tree: Readonly<Record<string, unknown>> | undefined;
  readonly sourceOf: (path: Path) => Source;
  readonly mistakes: readonly string[];
}

/** @param name how the file is called in mistakes. Never throws. */
export function parseConfigFile(name: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  // Without pretty errors, as those quote the file, and a secret with it.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => `${place(error.pos[0])}: ${error.message}`);
    return { tree: undefined, sourceOf: () => ({ kind: 'file', where: name }), mistakes };
  }
  const places = new Map<string, string>();
  notePlaces(document.contents, [], (path, offset) => places.set(pathText(path), place(offset)));
  const sourceOf = (path: Path): Source => ({ kind: 'file', where: nearest(places, path) ?? name });
  const mistakes: string[] = [];
  const refuse = (path: Path, text: string) => mistakes.push(mistakeText(path, sourceOf(path), text));
  try {
    const tree = plainTree(document.toJS({ maxAliasCount: 100 }) ?? {}, refuse);
    if (typeof tree === 'object' && tree !== null && !Array.isArray(tree)) {
      return { tree: tree as Record<string, unknown>, sourceOf, mistakes };
    }
    mistakes.push(`${name}:1:1: expected keys such as "port: 8080"`);
  } catch (error) {
    mistakes.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { tree: undefined, sourceOf, mistakes };
}

/** Keys are where their name is, entries of a list where their value is. Aliases are not followed. */
function notePlaces(node: Node | null, path: Path, note: (path: Path, offset: number) => void): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const here = [...path, String(key.value)];
      if (key.range) note(here, key.range[0]);
      notePlaces(value as Node | null, here, note);
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => {
      const entry = item as Node | null;
      if (entry?.range) note([...path, index], entry.range[0]);
      notePlaces(entry, [...path, index], note);
    });
  }
}

function nearest(places: ReadonlyMap<string, string>, path: Path): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(pathText(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return undefined;
}
