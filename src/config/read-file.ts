// Reading the small text files a configuration names, with reasons a person can act on.
import { readFileSync } from 'node:fs';

/** Reads a file as UTF-8; throws as node:fs does. */
export type ReadFile = (path: string) => string;

export const readTextFile: ReadFile = (path) => readFileSync(path, 'utf8');

/** The file's text, or undefined after `refuse` heard why it cannot be read. */
export function readText(path: string, readFile: ReadFile, refuse: (reason: string) => void): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    refuse(reasonOf(error));
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
