// Runs groups of cases on all targets in turn: each case on the first target, then on the references, so that what
// changes on the machine during a run changes for all of them.
import type { Options } from './arguments.ts';
import { type GroupReport, type Row, storable, withRatios } from './report.ts';
import { type Case, type Group, LeftOut, Stage } from './shape.ts';
import { clientEvents } from './shapes/client-events.ts';
import { cluster } from './shapes/cluster.ts';
import { connects } from './shapes/connect.ts';
import { fanout } from './shapes/fanout.ts';
import { isolation } from './shapes/isolation.ts';
import { openLoop } from './shapes/open-loop.ts';
import { presence } from './shapes/presence.ts';
import { slowReaders } from './shapes/slow-readers.ts';
import { triggers } from './shapes/trigger.ts';
import { workers } from './shapes/workers.ts';
import type { Target } from './target.ts';

/** @param conns sockets of the fan-out */
export function allGroups(conns: number): Group[] {
  return [
    fanout(conns),
    openLoop(conns),
    triggers(),
    clientEvents(conns),
    connects(conns),
    presence(conns),
    slowReaders(conns),
    isolation(),
    workers(conns),
    cluster(conns),
  ];
}

/** For --only. */
export function allNames(): string[] {
  return [...new Set(allGroups(1).flatMap(({ name, cases }) => [name, ...cases.map((one) => one.name)]))];
}

/** Of a group, the cases that are asked for; undefined when there are none. */
export function selected(group: Group, only: readonly string[]): Group | undefined {
  if (only.length === 0 || only.includes(group.name)) return group;
  const cases = group.cases.filter(({ name }) => only.includes(name));
  return cases.length === 0 ? undefined : { ...group, cases };
}

/** @param progress hears what is about to be measured */
export async function runGroup(
  group: Group,
  targets: readonly Target[],
  options: Options,
  progress: (what: string) => void,
): Promise<GroupReport> {
  const stages = targets.map((target) => new Stage(target, options));
  try {
    const rows: Row[] = [];
    for (const one of group.cases) {
      const ofCase: Row[] = [];
      for (const stage of stages) {
        if (!stage.target.knows(one.name)) continue;
        progress(`${one.name} on ${stage.target.name}`);
        ofCase.push(await runCase(one, stage));
      }
      rows.push(...withRatios(ofCase));
    }
    return { name: group.name, title: group.title, columns: group.columns, rows };
  } finally {
    await Promise.all(stages.map((stage) => stage[Symbol.asyncDispose]()));
  }
}

async function runCase(one: Case, stage: Stage): Promise<Row> {
  const row = { case: one.name, what: one.what, server: stage.target.name };
  try {
    return { ...row, figures: storable(await one.run(stage)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof LeftOut ? { ...row, leftOut: reason } : { ...row, failed: reason };
  }
}
