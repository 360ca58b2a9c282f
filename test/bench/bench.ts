// npm run bench: reads the options, measures, prints a table for each group, writes the JSON.
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { HELP, type Options, parseArguments, UsageError } from './arguments.ts';
import { limit } from './limit.ts';
import { mostSockets, thisMachine } from './machine.ts';
import type { GroupReport, Report } from './report.ts';
import { allGroups, allNames, runGroup, selected } from './run.ts';
import { table } from './table.ts';
import { against, fanfare, type Target } from './target.ts';
import { canMeasure } from './usage.ts';

/** As of sysexits.h, and of the server's own command line. */
const exitCodes = { passed: 0, failed: 1, usage: 64 } as const;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What was started ends with this process: see child.ts.
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
}
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args, allNames());
  if (parsed.kind === 'help') {
    console.log(HELP);
    return exitCodes.passed;
  }
  if (parsed.kind === 'mistake') {
    console.error(`bench: ${parsed.mistake}\nnpm run bench -- --help lists the options.`);
    return exitCodes.usage;
  }
  try {
    return await bench(parsed.options);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
  }
}

async function bench(options: Options): Promise<number> {
  const machine = thisMachine();
  const targets = targetsOf(options);
  checkWritable(options.json);
  const { cpu, cores, node, system } = machine;
  console.log(`${cpu}, ${cores} cores, ${system}, Node ${node}, ${machine.date}`);
  console.log(`${targets.map(({ name }) => name).join(', ')}; ${options.secs} s a case, payload 200 bytes`);
  if (!canMeasure) console.log('There is no /proc here: columns of CPU time and memory are left out.');
  if (mostSockets() < 10 * options.conns) {
    console.log(`ulimit -n allows ${mostSockets()} sockets: shapes that want more take fewer.`);
  }
  const groups: GroupReport[] = [];
  for (const group of allGroups(options.conns)) {
    const chosen = selected(group, options.only);
    if (chosen === undefined) continue;
    const report = await runGroup(chosen, targets, options, showProgress);
    showProgress('');
    console.log(`\n${table(report)}`);
    groups.push(report);
  }
  const passed = groups.every(({ rows }) => rows.every(({ failed }) => failed === undefined));
  write(options, { machine, options: withoutApp(options), passed, groups });
  return passed ? exitCodes.passed : exitCodes.failed;
}

function targetsOf(options: Options): Target[] {
  if (options.cpuProf !== undefined) mkdirSync(options.cpuProf, { recursive: true });
  const first =
    options.against === undefined
      ? fanfare('fanfare', options.main, options.cpuProf)
      : against(options.against, options.app);
  return [
    first,
    ...(options.versus === undefined ? [] : [fanfare('other', options.versus, undefined)]),
    ...(options.limit ? [limit()] : []),
  ];
}

/** Before minutes are spent on figures that have nowhere to go. @throws UsageError */
function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new UsageError(`--json ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** On terminals only, on one line that is overwritten. */
function showProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
}

function withoutApp({ app: _app, ...rest }: Options): Omit<Options, 'app'> {
  return rest;
}

function write(options: Options, report: Report): void {
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${report.passed ? 'Every expected frame arrived.' : 'FAILED: see above.'} Figures: ${options.json}`);
}
