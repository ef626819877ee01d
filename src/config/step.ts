// Reads the steps: puts them into order and gives each its source, cells, rule, inputs and outputs.
// After a reported mistake harmless stand-ins fill the gaps, so that all mistakes of a pipeline
// come back together; a config with stand-ins is never handed out.
import type { Each, HubConfig, InputConfig, StepConfig } from './config.ts';
import {
  type Entry,
  entriesOf,
  entryOf,
  locateIn,
  type MapNode,
  type Node,
  textOf,
} from './document.ts';
import { memberVariables, readEach } from './each.ts';
import { readHub } from './hub.ts';
import { readCells } from './matrix.ts';
import { type Need, orderSteps } from './order.ts';
import { outputNames, readOutputs } from './output.ts';
import { readPublish, readRelease } from './publish.ts';
import { readRule } from './rule.ts';
import { readTemplate, readTemplateRecord, type Scope } from './scope.ts';
import { readDuration, readNumber, readPoolWeights, readRetries } from './settings.ts';
import { absoluteTemplate, type Site } from './site.ts';
import type { ReadSource } from './source.ts';
import { readScopes } from './step-scope.ts';
import type { PipelineVariables } from './variables.ts';

/** Words of the command line that would hide a step of that name. */
export const reservedStepNames: readonly string[] = [
  'run',
  'status',
  'explain',
  'graph',
  'log',
  'validate',
  'refresh',
  'repair',
  'accept',
  'gc',
  'hub',
  'report',
  'init',
  'completion',
  'exec',
  'history',
  'help',
];

const ruleKinds = ['sql', 'task', 'run', 'release'] as const;

interface Surroundings {
  readonly site: Site;
  readonly sources: readonly ReadSource[];
  readonly variables: PipelineVariables;
  /** The pipeline's Hub; undefined without one, or after a mistake in it. */
  readonly hub: HubConfig | undefined;
  readonly hasHub: boolean;
}

export function readSteps(root: MapNode, surroundings: Surroundings): readonly StepConfig[] {
  const { site, sources } = surroundings;
  const entries = new Map(entriesOf(entryOf(root, 'steps')?.value));
  const sourceNames = sources.map((source) => source.name);
  for (const [name, entry] of entries) checkName(name, { entry, sources, site });
  const order = orderSteps(entries, { sources: sourceNames, report: site.report });
  const eachByStep = new Map<string, Each | undefined>();
  const steps: StepConfig[] = [];
  for (const name of order.names) {
    const entry = entries.get(name);
    if (entry === undefined) continue;
    const needs = order.needs.get(name) ?? [];
    const needed = needs.flatMap(({ step }) =>
      eachByStep.has(step) ? [eachByStep.get(step)] : [],
    );
    const each = readEach(entry.value, { step: name, sources, needed, report: site.report });
    eachByStep.set(name, each);
    const place = steps.length + 1;
    steps.push(readStep(name, { ...surroundings, entries, entry, needs, each, place }));
  }
  checkOrdinals(steps, { entries, site });
  return steps;
}

interface StepSurroundings extends Surroundings {
  /** All steps as written. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly entry: Entry;
  readonly needs: readonly Need[];
  /** Undefined after a mistake. */
  readonly each: Each | undefined;
  /** 1-based, in the order of the steps. */
  readonly place: number;
}

function readStep(name: string, surroundings: StepSurroundings): StepConfig {
  const { entry, site, sources, variables, each, needs, place } = surroundings;
  const node = entry.value;
  const hubEntry = entryOf(node, 'hub');
  const member = memberVariables(each, sources);
  const { report } = site;
  const read = readCells(node, { step: name, variables, members: member ?? [], report });
  const cells = read ?? [{ name: '', dimensions: {}, variables: {} }];
  const needNames = needs.map((need) => need.step);
  const scopes = readScopes(node, { sources, variables, cells: read, member, needs: needNames });
  const outputs = readOutputs(node, {
    site,
    step: name,
    kind: ruleKinds.find((kind) => entryOf(node, kind) !== undefined),
    each,
    memberVariables: member ?? [],
    cells,
    cellScope: scopes.cell,
    targetScope: scopes.target,
  });
  const withNode = entryOf(node, 'with')?.value;
  const release = readRelease(node, { site, step: name, steps: surroundings.entries });
  const rule = readRule(node, {
    site,
    step: name,
    cells,
    cellScope: scopes.cell,
    targetScope: scopes.target,
    runScope: scopes.run,
    withKeys: entriesOf(withNode).map(([key]) => key),
  });
  checkSqlOutputs(name, { entry, site });
  checkParameters(name, { entry, site });
  return {
    name,
    at: entry.at,
    ordinal: readNumber(entryOf(node, 'ordinal')?.value) ?? place,
    needs: needNames,
    each: each ?? { kind: 'once' },
    cells,
    rule: release ?? rule ?? { kind: 'run', command: [] },
    with: readTemplateRecord(withNode, { scope: scopes.target, report: site.report }) ?? {},
    inputs: readInputs(node, { site, scope: scopes.target, step: name, needNames }),
    outputs,
    retries: readRetries(entryOf(node, 'retries')?.value),
    timeoutMs: readDuration(entryOf(node, 'timeout')?.value),
    pools: readPoolWeights(entryOf(node, 'pools')?.value),
    maxRejects: readNumber(entryOf(node, 'max_rejects')?.value) ?? 0,
    hub: hubEntry === undefined ? surroundings.hub : readHub(hubEntry, surroundings),
    publish: readPublish(node, {
      site,
      step: name,
      cells,
      scope: scopes.cell,
      hasHub: hubEntry !== undefined || surroundings.hasHub,
    }),
    acceptsReleased: isTrue(node, 'accepts_released'),
    rebuildOn: rebuildsOnEngine(node) ? ['engine'] : [],
  };
}

function readInputs(
  node: Node,
  {
    site,
    scope,
    step,
    needNames,
  }: { site: Site; scope: Scope; step: string; needNames: readonly string[] },
): readonly InputConfig[] {
  const inputs: InputConfig[] = [];
  for (const [name, { at, value }] of entriesOf(entryOf(node, 'inputs')?.value)) {
    if (needNames.includes(name)) {
      const message = `The input "${name}" of step "${step}" has the name of a step that it needs.`;
      site.report({
        code: 'duplicate-key',
        severity: 'error',
        message,
        at,
        hint: 'give it another name',
      });
    }
    const text = textOf(value);
    const path = text && readTemplate(text, { scope, report: site.report });
    if (path === undefined) continue;
    inputs.push({ name, path: absoluteTemplate(site, path), at: value.at });
  }
  return inputs;
}

function checkName(
  name: string,
  { entry, sources, site }: { entry: Entry; sources: readonly ReadSource[]; site: Site },
): void {
  const source = sources.find((other) => other.name === name);
  if (reservedStepNames.includes(name)) {
    const message = `A step cannot be named "${name}": "pipeline ${name}" is a command.`;
    const hint = `give it another name, such as "${name}_data"`;
    site.report({ code: 'reserved-name', severity: 'error', message, at: entry.at, hint });
  } else if (source !== undefined) {
    const message = `The step "${name}" has the name of a source.`;
    const hint = `the source is in line ${source.at.line}: give one of them another name`;
    site.report({ code: 'duplicate-key', severity: 'error', message, at: entry.at, hint });
  }
}

function checkSqlOutputs(name: string, { entry, site }: { entry: Entry; site: Site }): void {
  const { report } = site;
  const sql = entryOf(entry.value, 'sql');
  if (sql === undefined) return;
  const names = outputNames(entry.value);
  const outputsEntry = entryOf(entry.value, 'outputs');
  if (names.length === 1) {
    const path = textOf(outputsEntry?.value) ?? textOf(entryOf(outputsEntry?.value, 'path')?.value);
    if (path?.value.includes('*')) {
      const message = `The output of the SQL step "${name}" is one file, or one for each value.`;
      const star = locateIn(path, { offset: path.value.indexOf('*'), length: 1 });
      const hint = 'replace the "*", or use partition_by';
      report({ code: 'wrong-value', severity: 'error', message, at: star, hint });
    }
    return;
  }
  const count = names.length === 0 ? 'no output' : `${names.length} outputs`;
  const message = `The SQL step "${name}" has ${count}; the rows of its SELECT need exactly one.`;
  const at = outputsEntry?.at ?? sql.at;
  const hint = names.length === 0 ? 'add "outputs: folder/{key}.parquet"' : 'make a step for each';
  report({ code: 'wrong-value', severity: 'error', message, at, hint });
}

/** Keys of `with` that nothing could read, or that would hide the input files. */
function checkParameters(name: string, { entry, site }: { entry: Entry; site: Site }): void {
  const parameters = entryOf(entry.value, 'with');
  const input = entryOf(parameters?.value, 'input');
  if (entryOf(entry.value, 'run') !== undefined && parameters !== undefined) {
    const message = `Step "${name}" has parameters ("with"), which a command cannot read.`;
    const hint = 'write the values into the command, as {variables} or as they are';
    site.report({ code: 'wrong-value', severity: 'error', message, at: parameters.at, hint });
  } else if (entryOf(entry.value, 'sql') !== undefined && input !== undefined) {
    const message = `The parameter "input" of step "${name}" hides $input, the input files.`;
    const hint = 'give it another name';
    site.report({ code: 'reserved-name', severity: 'error', message, at: input.at, hint });
  }
}

/** A file's journal says how far it is by the ordinal, so that it cannot fall on the way. */
function checkOrdinals(
  steps: readonly StepConfig[],
  { entries, site }: { entries: ReadonlyMap<string, Entry>; site: Site },
): void {
  const byName = new Map(steps.map((step) => [step.name, step]));
  for (const step of steps) {
    const later = step.needs
      .flatMap((name) => byName.get(name) ?? [])
      .find((other) => other.ordinal > step.ordinal && byName.get(step.name) === step);
    if (later === undefined || later.needs.includes(step.name)) continue;
    const said = entryOf(entries.get(step.name)?.value, 'ordinal');
    const owner = `Step "${step.name}" has the ordinal ${step.ordinal}`;
    const message = `${owner}, but needs "${later.name}" with ${later.ordinal}.`;
    const hint = 'a step comes after those that it needs';
    const at = said?.value.at ?? step.at;
    site.report({ code: 'wrong-value', severity: 'error', message, at, hint });
  }
}

function rebuildsOnEngine(node: Node): boolean {
  const list = entryOf(node, 'rebuild_on')?.value;
  return list?.kind === 'list' && list.items.some((item) => textOf(item)?.value === 'engine');
}

function isTrue(node: Node, key: string): boolean {
  const value = entryOf(node, key)?.value;
  return value?.kind === 'scalar' && value.value === true;
}
