// The plan of a run: every step's targets as a table of cell x member, addressed by arithmetic.
// A target is an integer; there is no object per target. The plan is fixed for a run and knows
// neither what is fresh nor in which order things happen (`graph.ts` knows what needs what).
import {
  type Cell,
  type Config,
  type Each,
  groupKinds,
  type StepConfig,
} from '../config/config.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { Scalar } from '../task.ts';
import { type Catalog, compareNaturally, type Listing, type SourceFile } from './catalog.ts';
import { checkDisk } from './check-disk.ts';

/** Index of a target: `step.base + cell * members + member`. */
export type TargetId = number;

export interface Plan {
  readonly config: Config;
  readonly steps: readonly PlanStep[];
  readonly tables: readonly MemberTable[];
  readonly targetCount: number;
}

export interface PlanStep {
  readonly index: number;
  readonly name: string;
  readonly config: StepConfig;
  readonly table: MemberTable;
  /** Names of the captures of the step's source, in the order of `SourceFile.captures`. */
  readonly captures: readonly string[];
  /** How many of these are captures of names; the rest are computed groups. */
  readonly nameCaptures: number;
  /** First target id; targets of one cell are next to each other. */
  readonly base: TargetId;
  readonly cellCount: number;
  readonly memberCount: number;
  readonly needs: readonly Need[];
  /** Steps whose files this one frees, and which of their targets. */
  readonly releases: readonly Need[];
}

/** How one step depends on another. */
export interface Need {
  /** Index of the producing step. */
  readonly step: number;
  /** Producing cells for each consuming cell: those that agree on the dimensions they share. */
  readonly cells: readonly (readonly number[])[];
  readonly relation: Relation;
}

/**
 * Which members of the producer a member of the consumer needs: the `same` one; of a group all
 * `members`; the one `group` it belongs to; groups of another kind that `overlap`; or `all`.
 */
export type Relation = 'same' | 'members' | 'group' | 'overlap' | 'all';

/** What steps are expanded over. Tables are shared by all steps with the same `each`. */
export interface MemberTable {
  readonly index: number;
  readonly each: Each;
  /** Name after `@` on the command line: a file's key or `chunk=0`; '' for once. */
  readonly names: readonly string[];
  /** Journal of each member, relative to the state folder, without its suffix. */
  readonly journals: readonly string[];
  /** The files a member stands for: itself, or the group's files, as indices into the listing. */
  readonly filesOf: (member: number) => readonly number[];
  /** For a group table: the group of each file of the listing. */
  readonly groupOfFile: Int32Array | undefined;
  readonly listing: Listing | undefined;
  /** Rank of a member in depth-first order: groups first, then files. */
  readonly rank: Int32Array;
}

export interface PlannedTarget {
  readonly step: PlanStep;
  readonly cell: number;
  readonly member: number;
}

export type PlanResult =
  | { readonly plan: Plan; readonly diagnostics: readonly Diagnostic[] }
  | { readonly plan: undefined; readonly diagnostics: readonly Diagnostic[] };

/** Expands the steps over the catalog. Fails only on a mistake that needs the listing to be seen. */
export function makePlan(config: Config, catalog: Catalog): PlanResult {
  const diagnostics = checkKeys(config, catalog);
  const tables: MemberTable[] = [];
  const steps: PlanStep[] = [];
  let base = 0;
  for (const stepConfig of config.steps) {
    const table = tableFor(stepConfig.each, { tables, config, catalog });
    const step: PlanStep = {
      index: steps.length,
      name: stepConfig.name,
      config: stepConfig,
      table,
      captures: capturesOf(config, stepConfig.each),
      nameCaptures: nameCapturesOf(config, stepConfig.each),
      base,
      cellCount: stepConfig.cells.length,
      memberCount: table.names.length,
      needs: stepConfig.needs.map((name) => planNeed(stepConfig, { name, steps, table })),
      releases: releasedSteps(stepConfig).map((name) =>
        planNeed(stepConfig, { name, steps, table }),
      ),
    };
    base += step.cellCount * step.memberCount;
    steps.push(step);
  }
  diagnostics.push(...checkDisk(config, steps));
  if (diagnostics.some((diagnostic) => diagnostic.severity === 'error')) {
    return { plan: undefined, diagnostics };
  }
  return { plan: { config, steps, tables, targetCount: base }, diagnostics };
}

export function locateTarget(plan: Plan, id: TargetId): PlannedTarget {
  const step = stepOfTarget(plan, id);
  const offset = id - step.base;
  return {
    step,
    cell: Math.floor(offset / step.memberCount),
    member: offset % step.memberCount,
  };
}

export function stepOfTarget(plan: Plan, id: TargetId): PlanStep {
  let low = 0;
  let high = plan.steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const step = plan.steps[middle];
    if (step !== undefined && step.base <= id) low = middle;
    else high = middle - 1;
  }
  const found = plan.steps[low];
  if (found === undefined) throw new RangeError(`no target ${id}`);
  return found;
}

export function targetId(step: PlanStep, cell: number, member: number): TargetId {
  return step.base + cell * step.memberCount + member;
}

/** `process:claims@chunk_0-00001-of-00546`: the target as written on the command line. */
export function targetName(plan: Plan, id: TargetId): string {
  const { step, cell, member } = locateTarget(plan, id);
  const name = step.table.names[member] ?? '';
  const key = targetKey(step, cell);
  return name === '' ? key : `${key}@${name}`;
}

/** `process:claims`: step and cell, which name a target inside its member's journal. */
export function targetKey(step: PlanStep, cell: number): string {
  const name = cellOf(step, cell).name;
  return name === '' ? step.name : `${step.name}:${name}`;
}

export function cellOf(step: PlanStep, cell: number): Cell {
  const found = step.config.cells[cell];
  if (found === undefined) throw new RangeError(`step ${step.name} has no cell ${cell}`);
  return found;
}

/** The variables that a member brings: `key`, for a file also `file`, and the captures. */
export function memberVariables(step: PlanStep, member: number): Readonly<Record<string, Scalar>> {
  const { table, captures } = step;
  if (table.each.kind === 'once' || table.listing === undefined) return {};
  const file = table.listing.files[table.filesOf(member)[0] ?? -1];
  if (file === undefined) return {};
  if (table.each.kind === 'group') {
    const value = groupValue(table, member);
    return { key: `${table.each.group}-${value}`, [table.each.group]: value };
  }
  const values: Record<string, Scalar> = {
    key: file.key,
    file: file.path.slice(file.path.lastIndexOf('/') + 1),
  };
  // Computed groups come after the captures, and may change without the file: they are not its own.
  for (const [index, name] of captures.slice(0, step.nameCaptures).entries()) {
    values[name] = file.captures[index] ?? '';
  }
  return values;
}

function capturesOf(config: Config, each: Each): readonly string[] {
  if (each.kind === 'once') return [];
  const source = config.sources.find(({ name }) => name === each.source);
  return source === undefined ? [] : groupKinds(source);
}

function nameCapturesOf(config: Config, each: Each): number {
  if (each.kind === 'once') return 0;
  const source = config.sources.find(({ name }) => name === each.source);
  return source?.pattern.captures.length ?? 0;
}

function groupValue(table: MemberTable, member: number): string {
  const name = table.names[member] ?? '';
  return name.slice(name.indexOf('=') + 1);
}

interface TableContext {
  readonly tables: MemberTable[];
  readonly config: Config;
  readonly catalog: Catalog;
}

function tableFor(each: Each, context: TableContext): MemberTable {
  const same = context.tables.find((table) => sameEach(table.each, each));
  if (same !== undefined) return same;
  const index = context.tables.length;
  const made = each.kind === 'once' ? onceTable(index) : listedTable(each, { index, ...context });
  context.tables.push(made);
  return made;
}

function sameEach(a: Each, b: Each): boolean {
  if (a.kind === 'once' || b.kind === 'once') return a.kind === b.kind;
  if (a.source !== b.source || a.kind !== b.kind) return false;
  return a.kind === 'file' || (b.kind === 'group' && a.group === b.group);
}

function onceTable(index: number): MemberTable {
  return {
    index,
    each: { kind: 'once' },
    names: [''],
    journals: ['@once'],
    filesOf: () => [],
    groupOfFile: undefined,
    listing: undefined,
    rank: new Int32Array(1),
  };
}

function listedTable(
  each: Exclude<Each, { kind: 'once' }>,
  { index, config, catalog }: TableContext & { index: number },
): MemberTable {
  const listing = catalog.listings.find((found) => found.source === each.source);
  const source = config.sources.findIndex((found) => found.name === each.source);
  if (listing === undefined || source < 0) throw new Error(`source ${each.source} is not listed`);
  // The first source owns the state folder itself, every other one a subfolder.
  const prefix = source === 0 ? '' : `${each.source}/`;
  if (each.kind === 'file') {
    const names = listing.files.map((file) => file.key);
    return {
      index,
      each,
      names,
      journals: names.map((name) => prefix + name),
      filesOf: (member) => [member],
      groupOfFile: undefined,
      listing,
      rank: Int32Array.from(names.keys()),
    };
  }
  const captures = capturesOf(config, each);
  const { values, groupOfFile, files } = groupFiles(listing.files, captures.indexOf(each.group));
  const names = values.map((value) => `${each.group}=${value}`);
  return {
    index,
    each,
    names,
    journals: names.map((name) => `${prefix}@${name}`),
    filesOf: (member) => files[member] ?? [],
    groupOfFile,
    listing,
    rank: Int32Array.from(files, (members) => members[0] ?? 0),
  };
}

function groupFiles(files: readonly SourceFile[], capture: number) {
  const members = new Map<string, number[]>();
  for (const [index, file] of files.entries()) {
    const value = file.captures[capture] ?? '';
    const list = members.get(value);
    if (list === undefined) members.set(value, [index]);
    else list.push(index);
  }
  const values = [...members.keys()].sort(compareNaturally);
  const groupOfFile = new Int32Array(files.length);
  for (const [group, value] of values.entries()) {
    for (const file of members.get(value) ?? []) groupOfFile[file] = group;
  }
  return { values, groupOfFile, files: values.map((value) => members.get(value) ?? []) };
}

function releasedSteps({ rule }: StepConfig): readonly string[] {
  return rule.kind === 'release' ? rule.steps : [];
}

function planNeed(
  consumer: StepConfig,
  { name, steps, table }: { name: string; steps: readonly PlanStep[]; table: MemberTable },
): Need {
  const producer = steps.find((step) => step.name === name);
  if (producer === undefined) throw new Error(`step ${consumer.name} comes before ${name}`);
  return {
    step: producer.index,
    cells: consumer.cells.map((cell) => alignedCells(cell, producer.config.cells)),
    relation: relate(table.each, producer.table.each),
  };
}

function alignedCells(cell: Cell, producers: readonly Cell[]): readonly number[] {
  const aligned: number[] = [];
  for (const [index, producer] of producers.entries()) {
    const agrees = Object.entries(cell.dimensions).every(([dimension, value]) => {
      const other = producer.dimensions[dimension];
      return other === undefined || other === value;
    });
    if (agrees) aligned.push(index);
  }
  return aligned;
}

function relate(consumer: Each, producer: Each): Relation {
  if (consumer.kind === 'once' && producer.kind === 'once') return 'same';
  if (consumer.kind === 'once' || producer.kind === 'once') return 'all';
  if (consumer.source !== producer.source) return 'all';
  if (consumer.kind === 'file') return producer.kind === 'file' ? 'same' : 'group';
  if (producer.kind === 'file') return 'members';
  return consumer.group === producer.group ? 'same' : 'overlap';
}

function checkKeys(config: Config, catalog: Catalog): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const listing of catalog.listings) {
    const at = config.sources.find((source) => source.name === listing.source)?.at;
    const seen = new Map<string, string>();
    for (const file of listing.files) {
      const other = seen.get(file.key);
      if (other !== undefined) {
        diagnostics.push({
          code: 'duplicate-key',
          severity: 'error',
          message: `Source "${listing.source}" has two files called ${file.key}: ${other} and ${file.path}`,
          ...(at === undefined ? {} : { at }),
          hint: 'file names without their suffixes must differ: narrow the glob or rename one',
        });
      }
      seen.set(file.key, file.path);
    }
  }
  return diagnostics;
}
