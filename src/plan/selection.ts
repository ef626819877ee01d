// What the words on the command line choose: `process`, `process:claims@chunk_0-*`, `@chunk=0`,
// `@chunk_0-00001-of-00546`, `partition+`. A selection brings all that it needs. Whether a chosen
// target has to run is not decided here.
import type { Diagnostic } from '../diagnostic.ts';
import { matches } from '../glob.ts';
import { suggest } from '../suggestion.ts';
import { forEachDependent, forEachProducer, type Graph } from './graph.ts';
import { cellOf, type Plan, type PlanStep, type TargetId, targetId } from './plan.ts';

export interface Selection {
  /** 1 for targets that were named themselves. */
  readonly named: Uint8Array;
  /** 1 for those and all that they need, directly or not. */
  readonly needed: Uint8Array;
}

export interface SelectionOptions {
  /** As typed; none selects everything. */
  readonly words: readonly string[];
  /** Leave out what comes after this step. */
  readonly until: string | undefined;
}

export type SelectionResult =
  | { readonly selection: Selection; readonly diagnostics: readonly [] }
  | { readonly selection: undefined; readonly diagnostics: readonly Diagnostic[] };

export function selectTargets(graph: Graph, options: SelectionOptions): SelectionResult {
  const { plan } = graph;
  const diagnostics: Diagnostic[] = [];
  const named = new Uint8Array(plan.targetCount);
  if (options.words.length === 0) named.fill(1);
  for (const word of options.words) {
    const mistake = selectWord(graph, { word, named });
    if (mistake !== undefined) diagnostics.push(mistake);
  }
  if (options.until !== undefined) {
    const last = plan.steps.find((step) => step.name === options.until);
    if (last === undefined) diagnostics.push(unknownStep(plan, options.until));
    else keepUntil(plan, { last, named });
  }
  if (diagnostics.length > 0) return { selection: undefined, diagnostics };
  if (!named.includes(0)) return { selection: { named, needed: named }, diagnostics: [] };
  return { selection: { named, needed: closeOverNeeds(graph, named) }, diagnostics: [] };
}

/** Everything that depends on a chosen target, directly or not; the chosen ones included. */
export function closeOverDependents(graph: Graph, chosen: Uint8Array): Uint8Array {
  const closed = new Uint8Array(graph.nodeCount);
  closed.set(chosen);
  const open: number[] = [];
  for (const [id, value] of chosen.entries()) if (value === 1) open.push(id);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    forEachDependent(graph, node, (dependent) => {
      if (closed[dependent] === 1) return;
      closed[dependent] = 1;
      open.push(dependent);
    });
  }
  return closed.slice(0, graph.plan.targetCount);
}

function closeOverNeeds(graph: Graph, named: Uint8Array): Uint8Array {
  const needed = named.slice();
  // Producers have smaller ids than their consumers, so one pass from the end reaches all.
  for (let id = needed.length - 1; id >= 0; id -= 1) {
    if (needed[id] !== 1) continue;
    forEachProducer(graph, id, (producer) => {
      needed[producer] = 1;
    });
  }
  return needed;
}

function keepUntil(plan: Plan, { last, named }: { last: PlanStep; named: Uint8Array }) {
  const kept = new Set([last.index]);
  for (let index = last.index; index >= 0; index -= 1) {
    if (!kept.has(index)) continue;
    for (const need of plan.steps[index]?.needs ?? []) kept.add(need.step);
  }
  for (const step of plan.steps) {
    if (kept.has(step.index)) continue;
    named.fill(0, step.base, step.base + step.cellCount * step.memberCount);
  }
}

/** The parts of one word: `step:cell@member+`. */
interface Word {
  readonly step: string | undefined;
  readonly cell: string | undefined;
  readonly member: string | undefined;
  readonly dependents: boolean;
}

function parseWord(text: string): Word {
  const dependents = text.endsWith('+');
  const body = dependents ? text.slice(0, -1) : text;
  const at = body.indexOf('@');
  const head = at < 0 ? body : body.slice(0, at);
  const colon = head.indexOf(':');
  const step = colon < 0 ? head : head.slice(0, colon);
  return {
    step: step === '' ? undefined : step,
    cell: colon < 0 ? undefined : head.slice(colon + 1),
    member: at < 0 ? undefined : body.slice(at + 1),
    dependents,
  };
}

function selectWord(
  graph: Graph,
  { word, named }: { word: string; named: Uint8Array },
): Diagnostic | undefined {
  const { plan } = graph;
  const parts = parseWord(word);
  if (word.trim() === '') return emptyWord();
  const steps = plan.steps.filter((step) => matches(parts.step, step.name));
  if (steps.length === 0) return unknownStep(plan, parts.step ?? word);
  const chosen: TargetId[] = [];
  let cellFound = false;
  for (const step of steps) {
    const cells = cellsMatching(step, parts.cell);
    if (cells.length > 0) cellFound = true;
    const members = membersMatching(step, parts.member);
    for (const cell of cells)
      for (const member of members) chosen.push(targetId(step, cell, member));
  }
  if (chosen.length === 0) return unknownTarget({ word, parts, steps, cellFound });
  if (!parts.dependents) {
    for (const id of chosen) named[id] = 1;
    return undefined;
  }
  const roots = new Uint8Array(plan.targetCount);
  for (const id of chosen) roots[id] = 1;
  for (const [id, value] of closeOverDependents(graph, roots).entries()) {
    if (value === 1) named[id] = 1;
  }
  return undefined;
}

function cellsMatching(step: PlanStep, pattern: string | undefined): readonly number[] {
  const indices = step.config.cells.keys();
  if (pattern === undefined) return [...indices];
  return [...indices].filter((cell) => matches(pattern, cellOf(step, cell).name));
}

function membersMatching(step: PlanStep, pattern: string | undefined): readonly number[] {
  const { table } = step;
  const indices = [...table.names.keys()];
  if (pattern === undefined) return indices;
  if (table.each.kind === 'once') return [];
  const equals = pattern.indexOf('=');
  if (equals < 0) return indices.filter((member) => matches(pattern, table.names[member] ?? ''));
  return membersOfGroup(step, {
    kind: pattern.slice(0, equals),
    value: pattern.slice(equals + 1),
  });
}

/** Files and groups that share a file with the groups `kind=value`. */
function membersOfGroup(
  step: PlanStep,
  { kind, value }: { kind: string; value: string },
): readonly number[] {
  const { table } = step;
  const source = step.table.each.kind === 'once' ? undefined : step.table.each.source;
  if (source === undefined) return [];
  if (table.each.kind === 'group' && table.each.group === kind) {
    return [...table.names.keys()].filter((member) =>
      matches(value, (table.names[member] ?? '').slice(kind.length + 1)),
    );
  }
  const { listing } = table;
  return [...table.names.keys()].filter((member) =>
    table.filesOf(member).some((file) => {
      const found = captureOf(step, { kind, captures: listing?.files[file]?.captures ?? [] });
      return found !== undefined && matches(value, found);
    }),
  );
}

function captureOf(
  step: PlanStep,
  { kind, captures }: { kind: string; captures: readonly string[] },
): string | undefined {
  const index = step.captures.indexOf(kind);
  return index < 0 ? undefined : captures[index];
}

/** A variable of the shell that is empty must not start everything. */
function emptyWord(): Diagnostic {
  return {
    code: 'unknown-target',
    severity: 'error',
    message: 'No target matches ""',
    hint: 'leave the word out to mean everything',
  };
}

function unknownStep(plan: Plan, name: string): Diagnostic {
  const names = plan.steps.map((step) => step.name);
  const near = suggest(name, names);
  return {
    code: 'unknown-step',
    severity: 'error',
    message: `There is no step "${name}"`,
    hint: near === undefined ? `steps are: ${names.join(', ')}` : `did you mean "${near}"?`,
  };
}

function unknownTarget({ word, parts, steps, cellFound }: UnknownTarget): Diagnostic {
  const part = cellFound ? 'member' : 'cell';
  const names = cellFound
    ? membersToSay(steps, parts.member ?? '')
    : steps.flatMap((step) => step.config.cells.map((cell) => cell.name));
  const near = suggest(parts[part] ?? '', names);
  const some = names.filter((name) => name !== '').slice(0, 3);
  const say = (name: string) => textOf({ ...parts, [part]: name });
  return {
    code: 'unknown-target',
    severity: 'error',
    message: `No target matches "${word}"`,
    hint:
      near !== undefined
        ? `did you mean "${say(near)}"?`
        : some.length > 0
          ? `for example: ${some.map(say).join(', ')}`
          : parts.cell === undefined
            ? 'the step has no targets'
            : 'the step has no matrix: leave out the part after ":"',
  };
}

interface UnknownTarget {
  readonly word: string;
  readonly parts: Word;
  readonly steps: readonly PlanStep[];
  readonly cellFound: boolean;
}

/** Members compared with what was typed: all of a large plan would take long. */
const COMPARED_MEMBERS = 20_000;

/** What may stand after `@`: groups for `kind=value`, else names of files and groups. */
function membersToSay(steps: readonly PlanStep[], typed: string): readonly string[] {
  const groups = typed.includes('=') ? steps.flatMap(groupsOf) : [];
  const names = steps.flatMap((step) => step.table.names);
  return [...new Set([...groups, ...names.slice(0, COMPARED_MEMBERS)])];
}

/** `chunk=0` for every group of files that the members of a step belong to. */
export function groupsOf({ captures, table }: PlanStep): readonly string[] {
  const found = new Set<string>();
  for (const file of table.listing?.files ?? []) {
    for (const [index, kind] of captures.entries()) {
      const value = file.captures[index];
      if (value !== undefined) found.add(`${kind}=${value}`);
    }
  }
  return [...found];
}

function textOf({ step, cell, member, dependents }: Word): string {
  const parts = [cell === undefined ? '' : `:${cell}`, member === undefined ? '' : `@${member}`];
  return `${step ?? ''}${parts.join('')}${dependents ? '+' : ''}`;
}
