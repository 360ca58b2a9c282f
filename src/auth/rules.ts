// Which channels a user may join: the first rule whose pattern fits the channel's name decides, and no rule means no.
// In a pattern {claim} is a value of that claim and * is any text. Pure.
import type { Rule } from '../core/app-auth.ts';
import { type Claims, claimAt, textOf } from './claims.ts';

export type Decision =
  /** `upstream`: the application is to be asked as well. `rule` is an index. */
  | { readonly allow: 'authenticated' | 'upstream'; readonly rule: number; readonly because: string }
  | { readonly allow: undefined; readonly rule: number | undefined; readonly because: string };

/** A stretch of a pattern: text as it is, any text, or a value of a claim. */
type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'any' }
  | { readonly type: 'claim'; readonly name: string };

/** The values a part may stand for; undefined: any text of one character or more. */
type ValuesOf = (claim: string) => ReadonlySet<string> | undefined;

/** Whether these claims let a user into the channel. `because` is a phrase for operators: it names values of claims. */
export function decide(rules: readonly Rule[], channel: string, claims: Claims): Decision {
  const index = rules.findIndex((rule) => fitsName(rule, channel));
  const rule = rules[index];
  if (rule === undefined) return { allow: undefined, rule: undefined, because: 'no rule fits its name' };
  const parts = partsOf(rule.channel);
  const names = [...new Set(parts.flatMap((part) => (part.type === 'claim' ? [part.name] : [])))];
  const values = new Map(names.map((name) => [name, valuesOf(claims, name)]));
  const because = names.map((name) => describe(name, values.get(name) ?? new Set())).join(', ');
  if (!fits(parts, channel, (name) => values.get(name))) return { allow: undefined, rule: index, because };
  return { allow: rule.allow ?? 'authenticated', rule: index, because: because || 'every known user may' };
}

/** Whether a rule decides on channels of this name, whoever asks. */
export function fitsName(rule: Rule, channel: string): boolean {
  return fits(partsOf(rule.channel), channel, () => undefined);
}

function partsOf(pattern: string): Part[] {
  return pattern
    .split(/(\*|\{[^{}]+\})/)
    .filter((text) => text !== '')
    .map((text) => {
      if (text === '*') return { type: 'any' };
      return text.startsWith('{') ? { type: 'claim', name: text.slice(1, -1) } : { type: 'text', text };
    });
}

/** A claim that is a list stands for each of its items. */
function valuesOf(claims: Claims, name: string): ReadonlySet<string> {
  const claim = claimAt(claims, name);
  const values = Array.isArray(claim) ? claim : [claim];
  return new Set(values.map(textOf).filter((text) => text !== undefined));
}

/**
 * All places in the name that a prefix of the pattern can end at, part by part: quick for every pattern, as there are
 * no more places than characters.
 */
function fits(parts: readonly Part[], name: string, values: ValuesOf): boolean {
  let ends = new Set([0]);
  for (const part of parts) {
    ends = new Set([...ends].flatMap((from) => endsOf(part, name, from, values)));
  }
  return ends.has(name.length);
}

function endsOf(part: Part, name: string, from: number, values: ValuesOf): number[] {
  if (part.type === 'text') return name.startsWith(part.text, from) ? [from + part.text.length] : [];
  const first = part.type === 'any' ? from : from + 1;
  const ends = Array.from({ length: Math.max(0, name.length - first + 1) }, (_, index) => first + index);
  const allowed = part.type === 'any' ? undefined : values(part.name);
  return allowed === undefined ? ends : ends.filter((end) => allowed.has(name.slice(from, end)));
}

const SHOWN = 3;

function describe(name: string, values: ReadonlySet<string>): string {
  const shown = [...values].slice(0, SHOWN).map((value) => JSON.stringify(value));
  const more = values.size > SHOWN ? ` and ${values.size - SHOWN} more` : '';
  return values.size === 0 ? `there is no claim ${name}` : `the claim ${name} is ${shown.join(', ')}${more}`;
}
