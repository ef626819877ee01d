// Makes a target's work order: everything a worker needs, with templates expanded and inputs taken
// from the producers' traces, never from a glob.
import { posix } from 'node:path';
import type { Template } from '../config/config.ts';
import { expandTemplate, expandTemplateValue } from '../config/template.ts';
import type { CommandPart, InputOrder, RuleOrder, WorkOrder } from '../executor/executor.ts';
import { isPattern } from '../glob.ts';
import { forEachProducer, type Graph } from '../plan/graph.ts';
import {
  locateTarget,
  type PlannedTarget,
  type TargetId,
  targetKey,
  targetName,
} from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Leftovers } from '../store/record.ts';
import type { Json, Scalar } from '../task.ts';
import type { OutsideInput, TargetFacts } from './facts.ts';
import { TargetFailure } from './failure.ts';

export interface OrderContext {
  readonly graph: Graph;
  readonly facts: TargetFacts;
  /** What was recorded of a target. */
  readonly stateOf: (id: TargetId) => TargetState | undefined;
  readonly memoryBytes: number;
  readonly hub: WorkOrder['hub'];
  /** The order is only to be asked about: what it would read need not be there yet. */
  readonly withoutInputs?: boolean;
}

/** Where a target's own files lie, relative to the work folder. */
export interface TargetPaths {
  readonly log: string;
  readonly manifest: string;
  readonly rejects: string;
  readonly scratch: string;
  readonly stage: string;
}

export function targetPaths(graph: Graph, id: TargetId, attempt: number): TargetPaths {
  const { step, cell, member } = locateTarget(graph.plan, id);
  const folder = targetKey(step, cell).replaceAll(':', '/');
  const name = step.table.names[member] ?? '';
  const below = name === '' ? folder : `${folder}/${name}`;
  const flat = targetName(graph.plan, id).replaceAll('/', '%2F');
  return {
    log: `logs/${below}.log`,
    manifest: `audit/${below}.parquet`,
    rejects: `rejects/${below}.parquet`,
    scratch: `tmp/scratch/${flat}`,
    stage: `tmp/${flat}.${attempt}`,
  };
}

export function makeWorkOrder(
  id: TargetId,
  {
    attempt,
    scratch,
    resume,
    inherited = [],
    outside = [],
    context,
  }: {
    attempt: number;
    /** Relative to the work folder. */
    scratch: string;
    resume: WorkOrder['resume'];
    /** Files of others that lie where the target makes its own, relative to the work folder. */
    inherited?: readonly string[];
    /** The files that no target makes, as they are when the attempt begins. */
    outside?: readonly OutsideInput[];
    context: OrderContext;
  },
): WorkOrder {
  const { graph, facts } = context;
  const { config } = graph.plan;
  const target = locateTarget(graph.plan, id);
  const { step } = target;
  const variables = facts.variablesOf(target);
  const rule = facts.ruleOf(step, target.cell);
  const paths = targetPaths(graph, id, attempt);
  const lookup = (name: string): Scalar => variables[name] ?? `{${name}}`;
  const state = context.stateOf(id);
  return {
    target: targetName(graph.plan, id),
    attempt,
    rule: rule.order ?? runOrder(step.config.rule, lookup),
    variables:
      rule.order?.kind === 'sql' ? { ...scalars(config.variables), ...variables } : variables,
    with: Object.fromEntries(
      Object.entries(step.config.with).map(([name, value]): [string, Json] => [
        name,
        expandTemplateValue(value, lookup),
      ]),
    ),
    inputs: context.withoutInputs
      ? []
      : [...dependencyInputs(id, context), ...outsideOrders(outside)],
    outputs: step.config.outputs.map((output) => ({
      name: output.name,
      path: facts.outputPath(output, variables),
      glob: output.glob,
      format: output.format,
      partitionBy:
        output.partitionBy === undefined ? undefined : expandTemplate(output.partitionBy, lookup),
      idColumn: output.idColumn,
      contract: rule.contracts[output.name],
    })),
    work: config.work,
    root: config.root,
    stage: posix.join(config.work, paths.stage),
    scratch: posix.join(config.work, scratch),
    log: posix.join(config.work, paths.log),
    manifestPath: paths.manifest,
    rejectsPath: paths.rejects,
    previous: previousOf(state, { manifest: paths.manifest, inherited }),
    memoryBytes: context.memoryBytes,
    maxRejects: step.config.maxRejects,
    hub: context.hub,
    dataset:
      step.config.publish === undefined
        ? undefined
        : expandTemplate(step.config.publish.dataset, lookup),
    excluded: excludedFrom(target),
    provenance:
      step.config.publish === undefined
        ? undefined
        : posix.join(config.work, paths.stage, '.provenance.jsonl'),
    timeoutMs: step.config.timeoutMs,
    resume,
  };
}

/**
 * Also what a publication that was cut short may have renamed: its manifest lies there as `.next`,
 * or already in place when only the trace was missing.
 */
function previousOf(
  state: TargetState | undefined,
  { manifest, inherited }: { manifest: string; inherited: readonly string[] },
): WorkOrder['previous'] {
  const { paths, manifests } = state?.previous ?? { paths: [], manifests: [] };
  // A manifest is itself a file that the new result may no longer have.
  return {
    paths: [...new Set([...paths, ...inherited, ...manifests, manifest, `${manifest}.next`])],
    manifests: [...new Set([...manifests, manifest, `${manifest}.next`])],
  };
}

/**
 * All that attempts up to this one may leave behind, for its `started`: where no manifest will tell
 * what a publication that is cut short has renamed, the order itself does.
 */
export function leftovers(
  order: WorkOrder,
  { state, inherited }: { state: TargetState | undefined; inherited: readonly string[] },
): Leftovers {
  const { paths, manifests } = state?.previous ?? { paths: [], manifests: [] };
  const own = order.outputs.map(({ path }) => path.replaceAll('{value}', '*'));
  const closed = own.filter((path) => !isPattern(path));
  return { paths: [...new Set([...paths, ...inherited, ...closed])], manifests };
}

/** Bytes of the files that the order names itself; those behind manifests are not known here. */
export function orderBytes(order: WorkOrder): number {
  let bytes = 0;
  for (const { files, manifests } of order.inputs) {
    for (const file of files) bytes += file.bytes;
    for (const manifest of manifests) bytes += manifest.bytes;
  }
  return bytes;
}

function dependencyInputs(
  id: TargetId,
  { graph, facts, stateOf }: OrderContext,
): readonly InputOrder[] {
  const { config } = graph.plan;
  const inputs = new Map<
    string,
    { files: InputOrder['files'][number][]; manifests: InputOrder['manifests'][number][] }
  >();
  forEachProducer(graph, id, (producer) => {
    const { name } = locateTarget(graph.plan, producer).step;
    const state = stateOf(producer);
    const trace = state?.trace;
    const producerName = targetName(graph.plan, producer);
    if (trace === undefined || trace.digest !== facts.digestOf(producer)) {
      throw new TargetFailure({
        code: 'input-missing',
        message: `${producerName} is not any more what it was when this run looked at it`,
        hint: 'run again: it is made again, and this after it',
        mayPass: false,
      });
    }
    const from = {
      producer: producerName,
      released: state?.released !== undefined,
    };
    const input = inputs.get(name) ?? { files: [], manifests: [] };
    inputs.set(name, input);
    if (trace?.manifest !== undefined) {
      const { path, totalBytes: bytes } = trace.manifest;
      input.manifests.push({ path: posix.join(config.work, path), bytes, ...from });
    }
    for (const artifact of trace?.artifacts ?? []) {
      if (artifact.output === 'rejects') continue;
      input.files.push({
        path: posix.join(config.work, artifact.path),
        bytes: artifact.bytes,
        sha256: artifact.sha256,
        rows: artifact.rows,
        mtimeMs: artifact.mtimeMs,
        output: artifact.output,
        ...from,
      });
    }
  });
  return [...inputs].map(([name, input]) => ({ name, ...input }));
}

function outsideOrders(outside: readonly OutsideInput[]): readonly InputOrder[] {
  const inputs = new Map<string, InputOrder['files'][number][]>();
  for (const { input, name, path, file, remote } of outside) {
    const files = inputs.get(input) ?? [];
    inputs.set(input, files);
    if (remote !== undefined) {
      files.push({ path, bytes: file?.bytes ?? 0, sha256: undefined, rows: undefined, remote });
      continue;
    }
    files.push({
      path,
      // A file that is not there fails in the worker, which says which and why it is wanted.
      bytes: file?.bytes ?? 0,
      sha256: undefined,
      rows: undefined,
      outside: { name, mtimeMs: file?.mtimeMs ?? 0 },
    });
  }
  return [...inputs].map(([name, files]) => ({ name, files, manifests: [] }));
}

/** What its source leaves out of the target's group. */
function excludedFrom({ step, member }: PlannedTarget): Readonly<Record<string, string>> {
  const { table, captures } = step;
  const { each, listing } = table;
  if (listing === undefined || each.kind !== 'group') return {};
  const capture = captures.indexOf(each.group);
  const value = table.names[member]?.slice(each.group.length + 1);
  const files = listing.excluded.filter((file) => file.captures[capture] === value);
  return Object.fromEntries(files.map(({ key, reason }) => [key, reason]));
}

function runOrder(
  rule: { readonly kind: string; readonly command?: Template },
  lookup: (name: string) => Scalar,
): RuleOrder {
  return { kind: 'run', command: (rule.command ?? []).map((part) => commandPart(part, lookup)) };
}

function commandPart(part: Template[number], lookup: (name: string) => Scalar): CommandPart {
  if (typeof part === 'string') return part;
  const [head, name] = part.variable.split('.', 2);
  if (head === 'input') return { input: name };
  if (head === 'output') return { output: name };
  return { value: String(lookup(part.variable) ?? '') };
}

function scalars(variables: Readonly<Record<string, Json>>): Record<string, Scalar> {
  const found: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (value === null || typeof value !== 'object') found[name] = value;
  }
  return found;
}
