// A query string as the signature sees it: percent-decoded once, first of duplicates, nothing else (auth.md §4.3).

interface Parameter {
  /** As sent, but for the percent-encoding and a trailing `[]` or `[0]`. */
  readonly name: string;
  readonly array: boolean;
  readonly value: string;
  readonly rawValue: string;
}

const ARRAY = /^(.*)\[\d*\]$/s;

/** The parameters of one request. Values never contain anything but what the sender put there: no nesting, no types. */
export class Query {
  readonly #parameters: Parameter[] = [];

  /** @param raw what follows the `?`; broken percent-encoding is taken literally. */
  constructor(raw: string) {
    for (const part of raw.split('&')) {
      if (part === '') continue;
      const equals = part.indexOf('=');
      const key = decode(equals < 0 ? part : part.slice(0, equals));
      const rawValue = equals < 0 ? '' : part.slice(equals + 1);
      const array = ARRAY.exec(key);
      const name = array?.[1] ?? key;
      if (array === null && this.has(name)) continue;
      this.#parameters.push({ name, array: array !== null, value: decode(rawValue), rawValue });
    }
  }

  has(name: string): boolean {
    return this.#parameters.some((parameter) => parameter.name === name);
  }

  /** The first value; the values of an array (`k[]=a&k[]=b`) joined with commas. */
  get(name: string): string | undefined {
    const values = this.#parameters.filter((parameter) => parameter.name === name).map(({ value }) => value);
    return values.length === 0 ? undefined : values.join(',');
  }

  /**
   * The texts a sender may have signed, likeliest first: decoded values, then raw ones; arrays joined with commas as
   * the PHP SDK and Reverb do, then repeated as Ruby's signature library does. Without `auth_signature`.
   */
  *signedTexts(): Generator<string> {
    const parameters = this.#parameters
      .filter(({ name }) => name.toLowerCase() !== 'auth_signature')
      .map((parameter) => ({ ...parameter, name: parameter.name.toLowerCase() }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    yield parameters.map(({ name, value }) => `${name}=${value}`).join('&');
    if (parameters.some(({ value, rawValue }) => value !== rawValue)) {
      yield parameters.map(({ name, rawValue }) => `${name}=${rawValue}`).join('&');
    }
    if (parameters.some(({ array }) => array)) {
      yield [...joinArrays(parameters)].map(([name, values]) => `${name}=${values.join(',')}`).join('&');
      yield parameters.map(({ name, array, value }) => `${name}${array ? '[]' : ''}=${value}`).join('&');
    }
  }
}

function joinArrays(parameters: readonly Parameter[]): Map<string, string[]> {
  const joined = new Map<string, string[]>();
  for (const { name, value } of parameters) joined.set(name, [...(joined.get(name) ?? []), value]);
  return joined;
}

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
