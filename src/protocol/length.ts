// Lengths of names and ids as limits.md counts them: in characters, not in UTF-16 units.

/** Whether the text has more than `limit` characters. */
export function hasMoreCharacters(text: string, limit: number): boolean {
  // A text has at most as many characters as units, so that hardly one is really counted.
  return text.length > limit && [...text].length > limit;
}
