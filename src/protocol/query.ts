// A query string as the signature sees it: percent-decoded once, first of duplicates, nothing else (auth.md §4.3).

interface Parameter {
  /** In lower case, as it is signed; without percent-encoding and a trailing `[]` or `[0]`. */
  readonly name: string;
  readonly array: boolean;
  readonly value: string;
  readonly rawValue: string;
}

const ARRAY = /^(.*)\[\d*\]$/s;

/** The parameters of one request. Values never contain anything but what the sender put there: no nesting, no types. */
export class Query {
  readonly #parameters: Parameter[] = [];
  readonly #first = new Map<string, Parameter>();

  /** @param raw what follows the `?`; broken percent-encoding is taken literally. */
  constructor(raw: string) {
    for (const part of raw.split('&')) {
      if (part === '') continue;
      const equals = part.indexOf('=');
      const key = decode(equals < 0 ? part : part.slice(0, equals));
      const rawValue = equals < 0 ? '' : part.slice(equals + 1);
      const array = key.endsWith(']') ? ARRAY.exec(key) : null;
      const name = (array?.[1] ?? key).toLowerCase();
      if (array === null && this.#first.has(name)) continue;
      const parameter = { name, array: array !== null, value: decode(rawValue), rawValue };
      this.#parameters.push(parameter);
      if (!this.#first.has(name)) this.#first.set(name, parameter);
    }
  }

  /** The first value of a name in lower case; the values of an array (`k[]=a&k[]=b`) joined with commas. */
  get(name: string): string | undefined {
    const first = this.#first.get(name);
    if (!first?.array) return first?.value;
    return this.#parameters.flatMap((parameter) => (parameter.name === name ? [parameter.value] : [])).join(',');
  }

  /**
   * The texts a sender may have signed, likeliest first: decoded values, then raw ones; arrays joined with commas as
   * the PHP SDK and Reverb do, then repeated as Ruby's signature library does. Without `auth_signature`.
   */
  *signedTexts(): Generator<string> {
    const parameters = this.#parameters
      .filter(({ name }) => name !== 'auth_signature')
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
