// The report as tables for people, in 100 columns.
import type { GroupReport, Row } from './report.ts';
import type { Column } from './shape.ts';

const GAP = '  ';

interface Line {
  readonly cells: readonly string[];
  /** In place of figures. */
  readonly remark?: string;
}

/** Columns without any figure, as those of CPU time where it cannot be measured, are left out. */
export function table({ title, columns, rows }: GroupReport): string {
  const shown = columns.filter(({ key }) => rows.some(({ figures }) => typeof figures?.[key] === 'number'));
  const several = new Set(rows.map(({ server }) => server)).size > 1;
  const lead = several ? 3 : 2;
  const head = (line: 0 | 1): Line => ({
    cells: [...Array<string>(lead).fill(''), ...shown.map(({ title }) => title[line])],
  });
  const lines = [head(0), head(1), ...rows.flatMap((row, index) => linesOf(row, rows, index, shown, several))];
  const widths = Array.from({ length: lead + shown.length }, (_, column) =>
    Math.max(...lines.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const text = lines.map(({ cells, remark }) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < lead ? cell.padEnd(width) : cell.padStart(width);
    });
    return [...padded, ...(remark === undefined ? [] : [remark])].join(GAP).trimEnd();
  });
  return [title, ...text].join('\n');
}

/** A reference's row is followed by the ratios to it. */
function linesOf(row: Row, rows: readonly Row[], index: number, columns: readonly Column[], several: boolean): Line[] {
  const isFirst = rows[index - 1]?.case !== row.case;
  const names = isFirst ? [row.case, row.what] : ['', ''];
  const lead = several ? [...names, row.server] : names;
  if (row.failed !== undefined) return [{ cells: lead, remark: `FAILED: ${row.failed}` }];
  if (row.leftOut !== undefined) return [{ cells: lead, remark: `left out: ${row.leftOut}` }];
  const valuesOf = (figures: Readonly<Record<string, number | null>>) =>
    columns.map(({ key }) => formatted(figures[key]));
  const ratios = rows.find((other) => other.case === row.case)?.ratios?.[row.server];
  return [
    { cells: [...lead, ...valuesOf(row.figures ?? {})] },
    ...(ratios === undefined ? [] : [{ cells: ['', '', `× ${row.server}`, ...valuesOf(ratios)] }]),
  ];
}

/** Three digits that say something; whole numbers above that. */
export function formatted(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}
