// What came out: a row for each case and server, and how the first server's figures stand to each reference's.
import type { Options } from './arguments.ts';
import type { Machine } from './machine.ts';
import type { Column, Figures } from './shape.ts';

export interface Row {
  readonly case: string;
  readonly what: string;
  readonly server: string;
  /** By column; null: not measured here. Undefined when there is a reason below. */
  readonly figures?: Readonly<Record<string, number | null>>;
  readonly failed?: string;
  readonly leftOut?: string;
  /** Of the first server's figures to a reference's, by the reference's name and the column. */
  readonly ratios?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface GroupReport {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface Report {
  readonly machine: Machine;
  readonly options: Omit<Options, 'app'>;
  readonly passed: boolean;
  readonly groups: readonly GroupReport[];
}

export function storable(figures: Figures): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [key, Number.isFinite(value) ? value : null]),
  );
}

/** @param rows of one case, the first server's first */
export function withRatios(rows: readonly Row[]): Row[] {
  const [first, ...references] = rows;
  if (first === undefined) return [];
  const ratios = references.flatMap(({ server, figures }) => {
    const found = ratiosOf(first.figures, figures);
    return found === undefined ? [] : [[server, found] as const];
  });
  return [ratios.length === 0 ? first : { ...first, ratios: Object.fromEntries(ratios) }, ...references];
}

function ratiosOf(figures: Row['figures'], reference: Row['figures']): Record<string, number> | undefined {
  if (figures === undefined || reference === undefined) return undefined;
  const ratios = Object.entries(figures).flatMap(([key, value]) => {
    const other = reference[key];
    return value === null || !other ? [] : [[key, value / other] as const];
  });
  return Object.fromEntries(ratios);
}
