// A query string as the signature sees it: percent-decoded once, first of duplicates, nothing else (auth.md §4.3).

interface Parameter {
  /** In lower case, as it is signed; without percent-encoding and a trailing `[]` or `[0]`. */
  readonly name: string;
  readonly array: boolean;
  readonly value: string;
  readonly rawValue: string;
}

const SIGNATURE = 'auth_signature';
const ARRAY = /^(.*)\[\d*\]$/s;

/** The parameters of one request. Values never contain anything but what the sender put there: no nesting, no types. */
export class Query {
  /** By name: the first of a name, or every one of an array. */
  readonly #parameters = new Map<string, Parameter[]>();
  /** What was signed, where nothing has to be decoded, joined or sorted for it: the parameters as they came. */
  #asItCame: string | undefined = '';
  #lastName = '';

  /** @param raw what follows the `?`; broken percent-encoding is taken literally. */
  constructor(raw: string) {
    for (let start = 0; start < raw.length; ) {
      const ampersand = raw.indexOf('&', start);
      const end = ampersand < 0 ? raw.length : ampersand;
      if (end > start) this.#add(raw.slice(start, end));
      start = end + 1;
    }
  }

  #add(part: string): void {
    const equals = part.indexOf('=');
    const rawKey = equals < 0 ? part : part.slice(0, equals);
    const rawValue = equals < 0 ? '' : part.slice(equals + 1);
    const key = decode(rawKey);
    const array = key.endsWith(']') ? ARRAY.exec(key) : null;
    const name = (array?.[1] ?? key).toLowerCase();
    const same = this.#parameters.get(name);
    const parameter = { name, array: array !== null, value: decode(rawValue), rawValue };
    if (same === undefined) this.#parameters.set(name, [parameter]);
    else if (array !== null) same.push(parameter);
    if (name === SIGNATURE) return;
    const isPlain = name === rawKey && equals >= 0 && parameter.value === rawValue && name > this.#lastName;
    this.#lastName = name;
    if (!isPlain) this.#asItCame = undefined;
    else if (this.#asItCame !== undefined) this.#asItCame += this.#asItCame === '' ? part : `&${part}`;
  }

  /** The first value of a name in lower case; the values of an array (`k[]=a&k[]=b`) joined with commas. */
  get(name: string): string | undefined {
    const parameters = this.#parameters.get(name);
    if (parameters === undefined || !parameters[0]?.array) return parameters?.[0]?.value;
    return parameters.map(({ value }) => value).join(',');
  }

  /**
   * The texts a sender may have signed, likeliest first: decoded values, then raw ones; arrays joined with commas as
   * the PHP SDK and Reverb do, then repeated as Ruby's signature library does. Without `auth_signature`.
   */
  signedTexts(): Iterable<string> {
    return this.#asItCame === undefined ? this.#rearranged() : [this.#asItCame];
  }

  *#rearranged(): Generator<string> {
    const names = [...this.#parameters.keys()].filter((name) => name !== SIGNATURE).sort();
    const parameters = names.flatMap((name) => this.#parameters.get(name) ?? []);
    yield parameters.map(({ name, value }) => `${name}=${value}`).join('&');
    if (parameters.some(({ value, rawValue }) => value !== rawValue)) {
      yield parameters.map(({ name, rawValue }) => `${name}=${rawValue}`).join('&');
    }
    if (parameters.some(({ array }) => array)) {
      yield names.map((name) => `${name}=${this.get(name)}`).join('&');
      yield parameters.map(({ name, array, value }) => `${name}${array ? '[]' : ''}=${value}`).join('&');
    }
  }
}

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
