// `pipeline status`: where everything is, from the journals and the disk, beside whoever runs.
import { relative } from 'node:path';
import { isoTime } from '../file-system.ts';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import {
  memberVariables,
  type PlanStep,
  type TargetId,
  targetId,
  targetName,
} from '../plan/plan.ts';
import { type ShownState, STATES, shownState } from '../report/shown-state.ts';
import { observeOwner } from '../store/lock.ts';
import { systemProcesses } from '../store/processes.ts';
import { explainCheckpoint, explainPace } from './checkpoint-text.ts';
import { EXIT } from './exit-code.ts';
import type { Call } from './glance.ts';
import { type Look, look } from './look.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { openProject, type Project, stateFolder } from './project.ts';
import { remarkLines } from './remark-lines.ts';
import { groupLines } from './status-groups.ts';
import { layOutTable } from './table.ts';

const SHOWN_FAILURES = 20;
const SHOWN_CHECKPOINTS = 20;

export async function statusCommand(
  words: readonly string[],
  { raw, run }: { readonly raw: RawOptions & { readonly json?: boolean }; readonly run: Call },
): Promise<number> {
  const since = isoTime(systemClock);
  const project = openProject(projectOptions(raw));
  const owner = observeOwner({
    fs: nodeFileSystem,
    processes: systemProcesses(),
    folder: stateFolder(project.config),
  });
  const text = await look(project, {
    options: { words, rehash: 'none', isAllFresh: run.isAllDone() },
    use: (found) => {
      const states = new ShownStates(found, { isRunning: owner !== undefined, since });
      if (raw.json === true) return statusJson(found, states);
      const running =
        owner === undefined
          ? []
          : [`running: pid ${owner.pid} since ${owner.at} (${owner.command})`];
      const remarks = remarkLines(found.survey.remarks, invocationOf(raw));
      const lines = [...statusLines(found, states), ...remarks];
      return [...headLines(project), ...running, '', ...lines, ''].join('\n');
    },
  });
  process.stdout.write(text);
  return EXIT.ok;
}

class ShownStates {
  readonly #look: Look;
  readonly #isRunning: boolean;
  /** ISO time at which looking began. */
  readonly #since: string;

  constructor(found: Look, { isRunning, since }: { isRunning: boolean; since: string }) {
    this.#look = found;
    this.#isRunning = isRunning;
    this.#since = since;
  }

  of(id: TargetId): ShownState {
    const { survey } = this.#look;
    const state = shownState({
      isFresh: survey.assessment.stateOf(id) === 'fresh',
      isRunning: this.#isRunning,
      recorded: () => survey.recorded(id)?.status,
    });
    return state === 'stale' && this.#isNew(id) ? 'done' : state;
  }

  /** What a run ends or frees meanwhile has its record already, but was judged without it. */
  #isNew(id: TargetId): boolean {
    const recorded = this.#look.survey.recorded(id);
    return this.#isRunning && recorded?.trace !== undefined && recorded.at >= this.#since;
  }
}

function headLines({ config }: Project): readonly string[] {
  const work = relative(process.cwd(), config.work);
  return [`${config.name}, profile ${config.profile}, in ${work}`];
}

function statusLines(found: Look, states: ShownStates): readonly string[] {
  const { graph, selection, survey } = found;
  const rows = graph.plan.steps.map((step) => {
    const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
    let targets = 0;
    for (const id of targetsOf(step, selection.needed)) {
      const state = states.of(id);
      counts[state] = (counts[state] ?? 0) + 1;
      targets += 1;
    }
    return [step.name, ...[targets, ...STATES.map((state) => counts[state] ?? 0)].map(String)];
  });
  const failures: string[] = [];
  for (let id = 0; id < graph.plan.targetCount; id += 1) {
    if (selection.needed[id] !== 1 || states.of(id) !== 'failed') continue;
    const failure = survey.recorded(id)?.failure;
    if (failure === undefined) continue;
    const { code, message } = failure.failure;
    const log = relative(process.cwd(), `${graph.plan.config.work}/${failure.log}`);
    failures.push(`  ${targetName(graph.plan, id)}: ${message} [${code}]`, `    log: ${log}`);
  }
  return [
    ...layOutTable([['step', 'targets', ...STATES], ...rows]),
    ...groupLines({
      plan: graph.plan,
      count: (step, member) => countMember(step, { member, needed: selection.needed, states }),
    }),
    ...checkpointLines(found, states),
    ...(failures.length === 0 ? [] : ['', 'failed:', ...failures.slice(0, 2 * SHOWN_FAILURES)]),
    ...(failures.length > 2 * SHOWN_FAILURES
      ? [`  … and ${failures.length / 2 - SHOWN_FAILURES} more`]
      : []),
  ];
}

/** Of the targets of one member of a step. */
function countMember(
  step: PlanStep,
  { member, needed, states }: { member: number; needed: Uint8Array; states: ShownStates },
): { readonly all: number; readonly done: number } {
  let [all, done] = [0, 0];
  for (let cell = 0; cell < step.cellCount; cell += 1) {
    const id = targetId(step, cell, member);
    if (needed[id] !== 1) continue;
    all += 1;
    if (states.of(id) === 'done') done += 1;
  }
  return { all, done };
}

/** How far inside their input the targets are that save checkpoints and are not done. */
function checkpointLines({ graph, selection, survey }: Look, states: ShownStates) {
  const lines: string[] = [];
  for (const step of graph.plan.steps) {
    if (step.config.rule.kind !== 'task') continue;
    for (const id of targetsOf(step, selection.needed)) {
      const state = states.of(id);
      const record = state === 'done' ? undefined : survey.recorded(id)?.checkpoint?.record;
      if (record === undefined) continue;
      const pace = state === 'running' ? explainPace(record) : undefined;
      const parts = [explainCheckpoint(record), ...(pace === undefined ? [] : [pace])];
      lines.push(`  ${targetName(graph.plan, id)}: ${state}, ${parts.join(', ')}`);
    }
  }
  if (lines.length === 0) return [];
  const more = lines.length - SHOWN_CHECKPOINTS;
  const shown = lines.slice(0, SHOWN_CHECKPOINTS);
  return ['', 'checkpoints:', ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])];
}

function* targetsOf(step: PlanStep, needed: Uint8Array): Generator<TargetId> {
  for (let id = step.base; id < step.base + step.cellCount * step.memberCount; id += 1) {
    if (needed[id] === 1) yield id;
  }
}

/** An array with one row a line: file, its captures, the ordinal it has reached, its targets. */
function statusJson({ graph, selection, survey }: Look, states: ShownStates): string {
  const rows: string[] = [];
  for (const table of graph.plan.tables) {
    const steps = graph.plan.steps.filter((step) => step.table === table);
    const [first] = steps;
    if (first === undefined) continue;
    for (const [member, name] of table.names.entries()) {
      const { key: _key, file: _file, ...captures } = memberVariables(first, member);
      const targets: Record<string, ShownState> = {};
      let step = 0;
      let gap = false;
      for (const each of steps) {
        for (let cell = 0; cell < each.cellCount; cell += 1) {
          const id = targetId(each, cell, member);
          if (selection.needed[id] !== 1) continue;
          const state = states.of(id);
          targets[targetName(graph.plan, id)] = state;
          if (state !== 'done') gap = true;
        }
        if (!gap) step = each.config.ordinal;
      }
      if (Object.keys(targets).length === 0) continue;
      const who = table.each.kind === 'file' ? { file: name } : { group: name };
      const remark = survey.remarks.get(table.journals[member] ?? '');
      rows.push(JSON.stringify({ ...who, ...captures, step, targets, ...remark }));
    }
  }
  return `[${rows.join(',\n')}]\n`;
}
