// Which paths of the work folder some target of a plan would give its files, made or not: whatever
// lies there is not to be cleared away. Patterns are found by the last segment of a path, because
// that mostly names a member and there may be 100,000 of them.
import { expandTemplate } from '../config/template.ts';
import { matchesPath } from '../glob.ts';
import type { Graph } from '../plan/graph.ts';
import { cellOf, locateTarget, memberVariables, type TargetId, targetId } from '../plan/plan.ts';
import { targetPaths } from './work-order.ts';

export class PathClaims {
  /** Patterns without a wildcard in their last segment, by that segment. */
  readonly #named = new Map<string, string[]>();
  readonly #open = new Set<string>();
  readonly #exact = new Set<string>();

  constructor(graphs: readonly Graph[]) {
    for (const graph of graphs) {
      for (const step of graph.plan.steps) {
        for (let cell = 0; cell < step.cellCount; cell += 1) {
          for (let member = 0; member < step.memberCount; member += 1) {
            this.#claim(graph, targetId(step, cell, member));
          }
        }
      }
    }
  }

  /** `path` relative to the work folder. */
  has(path: string): boolean {
    if (this.#exact.has(path)) return true;
    const patterns = this.#named.get(lastSegment(path)) ?? [];
    if (patterns.some((pattern) => matchesPath(pattern, path))) return true;
    for (const pattern of this.#open) if (matchesPath(pattern, path)) return true;
    return false;
  }

  #claim(graph: Graph, id: TargetId) {
    const { log, manifest, rejects } = targetPaths(graph, id, 0);
    for (const path of [log, manifest, `${manifest}.next`, rejects]) this.#exact.add(path);
    for (const pattern of outputPatterns(graph, id)) {
      const last = lastSegment(pattern);
      if (!hasWildcard(pattern)) this.#exact.add(pattern);
      else if (hasWildcard(last)) this.#open.add(pattern);
      else this.#named.set(last, [...(this.#named.get(last) ?? []), pattern]);
    }
  }
}

/** With `*` for partition values. */
function outputPatterns(graph: Graph, id: TargetId): readonly string[] {
  const { step, cell, member } = locateTarget(graph.plan, id);
  const variables = { ...cellOf(step, cell).variables, ...memberVariables(step, member) };
  return step.config.outputs.map(({ path }) =>
    expandTemplate(path, (name) => (name === 'value' ? '*' : (variables[name] ?? ''))),
  );
}

function hasWildcard(text: string): boolean {
  return /[*?[{]/.test(text);
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
