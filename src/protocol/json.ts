// JSON from and to strangers: what cannot be read or written is undefined, never an exception.

/** The value of a JSON text; undefined when it is not JSON (no JSON text means undefined). */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The JSON text of a value read from JSON; undefined when it nests deeper than the stack allows.
 * @param look is shown each value in it
 */
export function writeJson(value: unknown, look?: (value: unknown) => void): string | undefined {
  const shown = (_: string, inside: unknown) => {
    look?.(inside);
    return inside;
  };
  try {
    return JSON.stringify(value, look && shown);
  } catch {
    return undefined;
  }
}
