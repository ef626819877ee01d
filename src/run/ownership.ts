// Tells which files another target of the plan has now. A target removes what its earlier results
// had and this one has not; when outputs moved from one target to another, such a file may be the
// other's current result, and must stay.
import type { OutputConfig } from '../config/config.ts';
import { expandTemplate } from '../config/template.ts';
import type { Executor } from '../executor/executor.ts';
import type { Graph } from '../plan/graph.ts';
import { cellOf, type PlanStep, type TargetId, targetId } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Trace } from '../trace.ts';
import type { TargetFacts } from './facts.ts';
import { listedPaths } from './listed-paths.ts';

export interface OwnershipContext {
  readonly graph: Graph;
  readonly facts: TargetFacts;
  readonly stateOf: (id: TargetId) => TargetState | undefined;
  readonly executor: () => Promise<Executor>;
}

export interface OwnedPaths {
  readonly paths: ReadonlySet<string>;
  /** False once another target was published or begun again: then ask anew. */
  readonly isCurrent: () => boolean;
}

/**
 * Those of some paths, relative to the work folder, that the results of other targets have. What a
 * manifest lists takes time to find out; only while the answer is current may anything be removed.
 */
export async function ownedByOthers(
  paths: readonly string[],
  { id, context }: { id: TargetId; context: OwnershipContext },
): Promise<OwnedPaths> {
  const others = [...claimants(paths, context)].filter((other) => other !== id);
  const traceOf = (other: TargetId) => context.stateOf(other)?.traceId;
  const traces = others.map(traceOf);
  const owned = new Set<string>();
  for (const other of others) {
    const trace = context.stateOf(other)?.trace;
    if (trace === undefined) continue;
    const files = await filesOf(trace, context);
    for (const path of paths) if (files.has(path)) owned.add(path);
  }
  return {
    paths: owned,
    isCurrent: () => others.every((other, index) => traceOf(other) === traces[index]),
  };
}

/** Targets whose templates give any of the paths; members are tried only where their cell fits. */
function claimants(
  paths: readonly string[],
  { graph, facts }: OwnershipContext,
): ReadonlySet<TargetId> {
  const found = new Set<TargetId>();
  if (paths.length === 0) return found;
  for (const step of graph.plan.steps) {
    for (const output of step.config.outputs) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        const near = paths.filter((path) => cellPattern(output, { step, cell }).test(path));
        if (near.length === 0) continue;
        for (let member = 0; member < step.memberCount; member += 1) {
          const variables = facts.variablesOf({ step, cell, member });
          const pattern = pathPattern(facts.outputPath(output, variables));
          if (near.some((path) => pattern.test(path))) found.add(targetId(step, cell, member));
        }
      }
    }
  }
  return found;
}

function cellPattern(
  output: OutputConfig,
  { step, cell }: { step: PlanStep; cell: number },
): RegExp {
  const { variables } = cellOf(step, cell);
  // Every variable that is not the cell's stands for some text.
  return pathPattern(expandTemplate(output.path, (name) => variables[name] ?? '{value}'));
}

function pathPattern(path: string): RegExp {
  const pieces = path.split(/(\*|\{value\})/).map((piece) => {
    if (piece === '*') return '[^/]*';
    return piece === '{value}' ? '[^/]+' : RegExp.escape(piece);
  });
  return new RegExp(`^${pieces.join('')}$`);
}

async function filesOf(
  { artifacts, manifest }: Trace,
  { graph, executor }: OwnershipContext,
): Promise<ReadonlySet<string>> {
  const files = new Set(artifacts.map(({ path }) => path));
  if (manifest === undefined) return files;
  const { work } = graph.plan.config;
  for (const path of await listedPaths([manifest.path], { executor, work })) files.add(path);
  return files;
}
