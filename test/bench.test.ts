// The benchmark measures what it says, of all shapes, in a second of load: every expected frame arrived and every figure
// is there. How fast anything was is never judged here.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report, Row } from './bench/report.ts';
import { allGroups, allNames } from './bench/run.ts';
import { until } from './bench/until.ts';
import { descendants } from './bench/usage.ts';
import { Program } from './support/program.ts';
import { startServer } from './support/server.ts';

const TIMEOUT_MS = 120_000;
const SMALL = ['--conns', '20', '--secs', '0.05'];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanfare-bench-'));
  await promisify(execFile)('node_modules/.bin/tsc', ['-p', 'tsconfig.bench.json']);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Record<string, string> = {}): Program {
  return new Program('node', ['.bench/bench.js', ...args], { env });
}

interface Outcome {
  readonly code: number | null;
  readonly printed: string;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  await using program = start(args, env);
  return { code: await program.exit(), printed: program.printed };
}

/** What a run wrote, its rows flattened. */
async function measured(args: readonly string[]): Promise<Outcome & { readonly report: Report; readonly rows: Row[] }> {
  const json = join(folder, `${randomUUID()}.json`);
  const outcome = await run([...SMALL, ...args, '--json', json]);
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
  return { ...outcome, report, rows: report.groups.flatMap(({ rows }) => rows) };
}

describe('npm run bench', () => {
  it('measures every shape, and every frame arrives', { timeout: TIMEOUT_MS }, async () => {
    const { code, printed, report, rows } = await measured([]);
    expect(rows.filter(({ failed, leftOut }) => failed !== undefined || leftOut !== undefined)).toEqual([]);
    expect(code, printed).toBe(0);
    expect(report).toMatchObject({ passed: true, options: { secs: 0.05, conns: 20 } });
    expect(report.machine).toMatchObject({ node: process.version });
    expect(report.options).not.toHaveProperty('app');
    const groups = allGroups(20);
    expect(report.groups.map(({ name }) => name)).toEqual(groups.map(({ name }) => name));
    for (const { columns, rows } of report.groups) {
      for (const { figures = {} } of rows) {
        for (const { key } of columns) expect(figures[key], key).toEqual(expect.any(Number));
      }
    }
    expect(rows.map((row) => row.case)).toEqual(groups.flatMap(({ cases }) => cases.map(({ name }) => name)));
    const closed = rows.filter((row) => row.case.startsWith('slow-')).map(({ figures }) => figures?.closed);
    expect(closed).toEqual([20, 4, 4]);
    for (const { title } of groups) expect(printed).toContain(title);
    for (const row of rows) expect(printed).toContain(row.case);
  });

  it('measures a server that runs already next to a build, as ratios', { timeout: TIMEOUT_MS }, async () => {
    await using server = await startServer();
    const against = ['--against', `${server.url},${process.pid}`, '--versus', 'dist/main.js'];
    const { code, printed, rows } = await measured([...against, '--only', 'fanout-4']);
    expect(code, printed).toBe(0);
    const name = `127.0.0.1:${server.port}`;
    expect(rows.map((row) => [row.case, row.server])).toEqual([
      ['fanout-4', name],
      ['fanout-4', 'other'],
    ]);
    const [first, other] = rows;
    const ratio = (first?.figures?.latencyP50Ms ?? 0) / (other?.figures?.latencyP50Ms ?? 0);
    expect(first?.ratios?.other?.latencyP50Ms).toBe(ratio);
    expect(first?.figures?.cpuUsPerDelivery).toEqual(expect.any(Number));
    expect(printed).toContain('× other');
  });

  it('leaves out what it cannot measure of a server that runs already', { timeout: TIMEOUT_MS }, async () => {
    await using server = await startServer();
    const { code, printed, rows } = await measured(['--against', server.url, '--only', 'fanout-1,workers,cluster']);
    expect(code, printed).toBe(0);
    expect(rows[0]?.figures?.cpuUsPerDelivery).toBeNull();
    const [fanout = ''] = printed.split('Workers: ');
    expect(fanout).toContain('delivered');
    expect(fanout).not.toContain('CPU');
    const reasons = rows.slice(1).map(({ leftOut }) => leftOut);
    expect(reasons).toEqual(Array(7).fill('it needs a server that the benchmark starts itself'));
    expect(printed).toContain('left out: it needs a server');
  });

  it('fails when a case does, and says why', { timeout: TIMEOUT_MS }, async () => {
    await using server = await startServer();
    const wrong = ['--against', server.url, '--app', 'app-id:app-key:wrong', '--only', 'trigger-single,fanout-1'];
    const { code, printed, report } = await measured(wrong);
    expect(code).toBe(1);
    expect(printed).toMatch(/fanout-1 .*FAILED: a request was answered with 401/);
    expect(printed).toMatch(/trigger-single .*FAILED: a request was answered with 401/);
    expect(report.passed).toBe(false);
    expect(JSON.stringify(report)).not.toContain('wrong');
  });

  it('writes CPU profiles of the servers it starts', { timeout: TIMEOUT_MS }, async () => {
    const profiles = join(folder, 'profiles');
    const { code, printed } = await measured(['--only', 'trigger-single', '--cpu-prof', profiles]);
    expect(code, printed).toBe(0);
    const [name = '', ...others] = await readdir(profiles);
    expect(others).toEqual([]);
    expect(JSON.parse(readFileSync(join(profiles, name), 'utf8'))).toHaveProperty('nodes');
  });

  it.each([
    ['SIGINT', 130, 'workers', 4],
    ['SIGTERM', 143, 'trigger', 1],
  ] as const)('leaves no process behind after %s', { timeout: TIMEOUT_MS }, async (signal, code, shape, processes) => {
    await using program = start([
      '--only',
      shape,
      '--secs',
      '600',
      '--conns',
      '3000',
      '--json',
      join(folder, 'interrupted.json'),
    ]);
    const pid = program.child.pid ?? 0;
    const started = () => descendants(pid);
    await until(
      () => started().length >= processes,
      TIMEOUT_MS,
      () => program.printed,
    );
    const pids = started();
    program.signal(signal);
    expect(await program.exit()).toBe(code);
    await until(
      () => !pids.some(isAlive),
      TIMEOUT_MS,
      () => `${pids.filter(isAlive)} still run`,
    );
  });

  it('says that Bun cannot be fetched where it cannot', { timeout: TIMEOUT_MS }, async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as { port: number };
    nobody.close();
    await once(nobody, 'close');
    const bench = join(process.cwd(), '.bench', 'bench.js');
    const env = { npm_config_registry: `http://127.0.0.1:${port}`, npm_config_fetch_retries: '0' };
    const args = [bench, '--limit', '--against', 'http://127.0.0.1:1', '--only', 'fanout-1'];
    await using program = new Program('node', args, { env, cwd: folder });
    expect(await program.exit()).toBe(1);
    expect(program.printed).toMatch(/bench: --limit needs bun@[\d.]+, which could not be fetched: .*ECONNREFUSED/s);
  });

  it('answers --help', async () => {
    const { code, printed } = await run(['--help']);
    expect(code).toBe(0);
    expect(printed).toContain('Usage: npm run bench -- [options]');
  });

  it.each([
    [['--only', 'nothing'], `--only nothing: there is ${allNames().join(', ')}`],
    [['--nothing'], "Unknown option '--nothing'"],
    [['--main', 'nowhere/main.js'], 'there is no nowhere/main.js: run `npm run build` there first'],
    [['--against', 'http://127.0.0.1:1,2147483647'], '--against: there is no process 2147483647'],
    [['--json', 'nowhere/results.json'], '--json nowhere/results.json cannot be written: ENOENT'],
  ])('refuses %j', async (args, answer) => {
    const { code, printed } = await run(args);
    expect(printed).toContain(`bench: ${answer}`);
    expect(code).toBe(64);
    expect(existsSync('nowhere')).toBe(false);
  });
});

/** A process that has ended may stay a zombie until its parent looks. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
