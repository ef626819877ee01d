// Keeps a trace from speaking of files that another target has made since. While a step is renamed,
// removed or writes elsewhere, its recorded results stay believed; a target that is given their
// place removes what lies there and voids the traces of it, so that undoing the edit makes it again.
import { posix } from 'node:path';
import type { Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { canonicalJson } from '../fingerprint.ts';
import { isPattern, matchesPath } from '../glob.ts';
import type { Graph } from '../plan/graph.ts';
import {
  locateTarget,
  type MemberTable,
  type PlanStep,
  type TargetId,
  targetKey,
  targetName,
} from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Store } from '../store/store.ts';
import type { Fields } from '../trace.ts';
import type { TargetFacts } from './facts.ts';
import { listedPaths } from './listed-paths.ts';
import { pause } from './pause.ts';
import type { Recorder } from './recorder.ts';

export interface TakeoverContext {
  readonly graph: Graph;
  readonly fs: FileSystem;
  readonly store: Store;
  readonly facts: TargetFacts;
  readonly recorder: Recorder;
  readonly executor: () => Promise<Executor>;
}

/** What a target finds in its place when it is begun. */
export interface Takeover {
  /** Files of others there, relative to the work folder: to be removed as if they were its own. */
  readonly inherited: readonly string[];
  readonly strays: readonly Stray[];
}

export const NO_TAKEOVER: Takeover = { inherited: [], strays: [] };

/** A recorded result that lies where its target would not make it now, or that is in no plan. */
export interface Stray {
  readonly journal: string;
  readonly key: string;
  /** Relative to the work folder, `*` for what a result itself decides. */
  readonly patterns: readonly string[];
}

interface PlannedKey {
  readonly step: PlanStep;
  readonly cell: number;
}

/** Journals that are read without letting anything else have its turn. */
const JOURNALS_AT_ONCE = 100;

export class Takeovers {
  readonly #context: TakeoverContext;
  #strays: Promise<readonly Stray[]> | undefined;

  constructor(context: TakeoverContext) {
    this.#context = context;
  }

  /** Asked when a target is begun; nothing is changed yet. */
  async lookFor(id: TargetId, state: TargetState | undefined): Promise<Takeover> {
    if (this.#isAtHome(id, state)) return NO_TAKEOVER;
    const own = this.#ownPatterns(id);
    if (!own.some((pattern) => isPattern(pattern) || this.#exists(pattern))) return NO_TAKEOVER;
    this.#strays ??= this.#findStrays();
    const { store, graph } = this.#context;
    const strays: Stray[] = [];
    const paths: string[] = [];
    const manifests: string[] = [];
    for (const stray of await this.#strays) {
      if (!stray.patterns.some((pattern) => own.some((other) => overlaps(pattern, other))))
        continue;
      const recorded = store.load(stray.journal).targets.get(stray.key);
      if (!isStrayStill(recorded, stray)) continue;
      strays.push(stray);
      paths.push(...recorded.previous.paths);
      manifests.push(...recorded.previous.manifests);
    }
    const { work } = graph.plan.config;
    const listed = await listedPaths(manifests, { work, executor: this.#context.executor });
    const inherited = [...paths, ...listed].filter((path) => {
      return own.some((pattern) => matchesPath(pattern, path));
    });
    return { inherited, strays };
  }

  /** Before the target's files are put in their places. */
  take(id: TargetId, { strays }: Takeover): void {
    const { graph, recorder, store } = this.#context;
    for (const stray of strays) {
      const { journal, key, patterns } = stray;
      const { targets, step } = store.load(journal);
      const state = targets.get(key);
      if (!isStrayStill(state, stray)) continue;
      const place = patterns.join(', ');
      const reason = `${targetName(graph.plan, id)} makes its files there now: ${place}`;
      recorder.overtaken(journal, { key, state, step: step ?? 0, reason });
    }
  }

  /** Whether what is recorded of a target already lies where the target would make it now. */
  #isAtHome(id: TargetId, state: TargetState | undefined): boolean {
    const fields = state?.trace?.fields;
    if (fields === undefined) return false;
    return this.#liesAtHome(fields, locateTarget(this.#context.graph.plan, id));
  }

  #ownPatterns(id: TargetId): readonly string[] {
    const { graph, facts } = this.#context;
    const target = locateTarget(graph.plan, id);
    const variables = facts.variablesOf(target);
    return target.step.config.outputs.map((output) =>
      facts.outputPath(output, variables).replaceAll('{value}', '*'),
    );
  }

  #exists(path: string): boolean {
    const { fs, graph } = this.#context;
    return fs.stat(posix.join(graph.plan.config.work, path)) !== undefined;
  }

  async #findStrays(): Promise<readonly Stray[]> {
    const { graph, store } = this.#context;
    const tables = new Map<string, { table: MemberTable; member: number }>();
    for (const table of graph.plan.tables) {
      for (const [member, journal] of table.journals.entries()) {
        tables.set(journal, { table, member });
      }
    }
    const keys = new Map<string, PlannedKey>();
    for (const step of graph.plan.steps) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        keys.set(targetKey(step, cell), { step, cell });
      }
    }
    const strays: Stray[] = [];
    for (const [index, journal] of store.journals().entries()) {
      if (index % JOURNALS_AT_ONCE === JOURNALS_AT_ONCE - 1) await pause();
      const place = tables.get(journal);
      for (const [key, { trace, released }] of store.load(journal).targets) {
        if (trace === undefined || released !== undefined) continue;
        const planned = keys.get(key);
        const isPlanned = planned !== undefined && planned.step.table === place?.table;
        if (isPlanned && this.#liesAtHome(trace.fields, { ...planned, member: place.member })) {
          continue;
        }
        strays.push({ journal, key, patterns: recordedPatterns(journal, trace.fields) });
      }
    }
    return strays;
  }

  #liesAtHome(fields: Fields, target: PlannedKey & { readonly member: number }): boolean {
    const now = this.#context.facts.plainFieldsOf(target);
    return canonicalJson(fields.outputs) === canonicalJson(now.outputs);
  }
}

/** Not made again elsewhere in this run. */
function isStrayStill(
  state: TargetState | undefined,
  { journal, patterns }: Stray,
): state is TargetState {
  const trace = state?.trace;
  if (trace === undefined) return false;
  return recordedPatterns(journal, trace.fields).join('\n') === patterns.join('\n');
}

/** Where a recorded result lies: the variables of its templates are recorded beside them. */
function recordedPatterns(journal: string, { outputs, values }: Fields): readonly string[] {
  const key = journal.slice(journal.lastIndexOf('/') + 1).replace(/^@(.*?)=/, '$1-');
  return Object.values(outputs).flatMap((output) => {
    if (output === null || typeof output !== 'object' || !('path' in output)) return [];
    return [
      String(output['path']).replace(/\{(\w+)\}/g, (_, name: string) => {
        return name === 'key' ? key : String(values[name] ?? '*');
      }),
    ];
  });
}

/** Whether any path fits both patterns; `*` stands for any text without a slash. */
export function overlaps(one: string, other: string): boolean {
  const theirs = other.split('/');
  const ours = one.split('/');
  if (ours.length !== theirs.length) return false;
  return ours.every((segment, index) => segmentsOverlap(segment, theirs[index] ?? ''));
}

function segmentsOverlap(one: string, other: string): boolean {
  if (one.startsWith('*')) {
    return (
      segmentsOverlap(one.slice(1), other) || (other !== '' && segmentsOverlap(one, other.slice(1)))
    );
  }
  if (other.startsWith('*')) return segmentsOverlap(other, one);
  if (one === '' || other === '') return one === other;
  return one[0] === other[0] && segmentsOverlap(one.slice(1), other.slice(1));
}
