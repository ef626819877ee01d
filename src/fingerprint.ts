// Which facts determine a target's result, gathered as named fields. Everything constant over the
// members of a cell is made once (`CellWork`); a target adds the values of the member's variables
// that its rule uses. What never counts: needs, retries, timeout, pools, `max_rejects`, comments,
// key order, machine paths, the reporter. Source of the list: DESIGN "What makes a target stale".
import { hash } from 'node:crypto';
import type {
  Cell,
  Config,
  Each,
  HubConfig,
  OutputConfig,
  RuleConfig,
  StepConfig,
  Template,
  TemplateValue,
} from './config/config.ts';
import { expandTemplate } from './config/template.ts';
import type { Json, Scalar } from './task.ts';
import type { Fields } from './trace.ts';

/** What reading a rule's files gave; made at the edge, once per cell. */
export interface RuleText {
  /** Digest of the SQL text, of the task's module with its imports, or of the command. */
  readonly code: string;
  /** Variables that the text itself uses (`$name` in SQL). */
  readonly variables: readonly string[];
  /** Digest of the contract's module and export, by output. */
  readonly contracts: Readonly<Record<string, string>>;
}

/** The part of a cell's fingerprint that all its members share. */
export interface CellWork {
  readonly fields: Omit<Fields, 'values'>;
  /** Cell variables that the rule uses, with their values. */
  readonly values: Readonly<Record<string, Json>>;
  /** Names of member variables that the rule or its templates use, except `key`. */
  readonly memberVariables: readonly string[];
}

interface CellContext {
  readonly config: Config;
  readonly cell: Cell;
  readonly text: RuleText;
  readonly engine: Readonly<Record<string, string>>;
  /** Stable identity of a Hub: not its address. */
  readonly hubId: (hub: HubConfig) => string;
}

/** A value longer than this as JSON is recorded by its digest, so that a trace stays short. */
const LONGEST_VALUE = 400;

export function digestText(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}

export function makeCellWork(
  step: StepConfig,
  { config, cell, text, engine, hubId }: CellContext,
): CellWork {
  const used = new Set<string>(text.variables);
  // A task sees every variable of its cell and member, so any of them may shape its result.
  if (step.rule.kind === 'task') {
    for (const name of Object.keys(cell.variables)) used.add(name);
    for (const name of memberVariableNames(step.each, config)) used.add(name);
  }
  const show = (template: Template) => showTemplate(template, { config, cell, used });
  const outputs: Record<string, Json> = {};
  for (const output of step.outputs) outputs[output.name] = outputFields(output, show);
  const parameters: Record<string, Json> = {};
  for (const [name, value] of Object.entries(step.with)) {
    parameters[name] = shorten(showValue(value, show));
  }
  const contracts = Object.entries(text.contracts);
  const code = codeOf(step.rule, { text, show });
  const values: Record<string, Json> = {};
  const memberVariables: string[] = [];
  for (const name of [...used].sort()) {
    if (name === 'key' || name in step.with || isPlaceholder(name)) continue;
    const value = cell.variables[name] ?? config.variables[name];
    if (value === undefined) memberVariables.push(name);
    // Values inside templates are already in the templates' text.
    else if (step.rule.kind === 'task' || text.variables.includes(name))
      values[name] = shorten(value);
  }
  if (step.publish !== undefined && step.hub !== undefined) {
    values['publish'] = { hub: hubId(step.hub), dataset: show(step.publish.dataset) };
  }
  const fields: Omit<Fields, 'values'> = {
    rule: step.rule.kind,
    code,
    ...shownText(step.rule, show),
    with: parameters,
    outputs,
    ...(contracts.length === 0
      ? {}
      : {
          contracts: Object.fromEntries(
            contracts.map(([name, digest]) => [name, { code: digest }]),
          ),
        }),
    ...(step.rebuildOn.includes('engine') ? { engine } : {}),
  };
  return { fields, values, memberVariables };
}

/** The fields of one target; `member` are the variables that its file or group brings. */
export function makeFields(work: CellWork, member: Readonly<Record<string, Scalar>>): Fields {
  if (work.memberVariables.length === 0) return { ...work.fields, values: work.values };
  const values: Record<string, Json> = { ...work.values };
  for (const name of work.memberVariables) {
    const value = member[name];
    if (value !== undefined) values[name] = value;
  }
  return { ...work.fields, values };
}

/** What a file or group brings, besides the key that names the target. */
function memberVariableNames(each: Each, { sources }: Config): readonly string[] {
  if (each.kind === 'once') return [];
  if (each.kind === 'group') return [each.group];
  return sources.find(({ name }) => name === each.source)?.pattern.captures ?? [];
}

function codeOf(
  rule: RuleConfig,
  { text, show }: { text: RuleText; show: (template: Template) => string },
): string {
  if (rule.kind === 'run') return digestText(show(rule.command));
  // Freeing the files of one more step is more work to do, but no other result.
  return rule.kind === 'release' ? digestText('release') : text.code;
}

/** What stands in the pipeline file itself, so that an edit of it is told in its own words. */
function shownText(rule: RuleConfig, show: (template: Template) => string): Pick<Fields, 'text'> {
  const text =
    rule.kind === 'run' ? show(rule.command) : rule.kind === 'sql' ? rule.text : undefined;
  return text === undefined || text.length > LONGEST_VALUE ? {} : { text: text.trim() };
}

/** `{value}`, `{input..}` and `{output..}` stand for places, not for values that could differ. */
function isPlaceholder(name: string): boolean {
  return /^(value|input|output)(\.|$)/.test(name);
}

function showTemplate(
  template: Template,
  { config, cell, used }: { config: Config; cell: Cell; used: Set<string> },
): string {
  const text = expandTemplate(template, (name) => {
    used.add(name);
    return cell.variables[name] ?? `{${name}}`;
  });
  // Where the project lies on this machine changes no result.
  return text.replaceAll(config.work, '{work}').replaceAll(config.root, '{root}');
}

function showValue(value: TemplateValue, show: (template: Template) => string): Json {
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => showValue(item, show));
  if ('template' in value) return show(value.template);
  return Object.fromEntries(
    Object.entries(value.record).map(([name, item]) => [name, showValue(item, show)]),
  );
}

function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

function outputFields(output: OutputConfig, show: (template: Template) => string): Json {
  return {
    path: show(output.path),
    ...(output.format === undefined ? {} : { format: output.format }),
    ...(output.partitionBy === undefined
      ? {}
      : { partition_by: show(output.partitionBy), id_column: output.idColumn }),
  };
}

function shorten(value: Json): Json {
  const text = canonicalJson(value);
  return text.length > LONGEST_VALUE ? { digest: digestText(text) } : value;
}

/** JSON with the keys of every object in order, so that equal values give equal texts. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'undefined';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isJsonList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`);
  return `{${members.join(',')}}`;
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
