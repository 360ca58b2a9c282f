// A line for people: the time and some texts, which cannot break it.

/** `12:34:56.789  my-channel  my-event  {"text":"hello"}`, in local time, always one line. */
export function eventLine(at: Date, ...texts: readonly string[]): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0');
  return [`${time}.${milliseconds}`, ...texts].map(printable).join('  ');
}

/** Control characters would break the line, or talk to the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const hex = character.charCodeAt(0).toString(16).padStart(4, '0');
    return ESCAPES.get(character) ?? `\\u${hex}`;
  });
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);
