// What must hold of the way a simulated run ended: everything is settled, failures block exactly
// what descends of them, and what was named with `--force` was made.
import type { ExpectedTarget } from './simulation-model.ts';
import { fail, namesWhere, type RunReport } from './simulation-report.ts';
import type { RunRequest } from './simulation-world.ts';

interface Circumstances {
  readonly request: RunRequest;
  readonly expected: ReadonlyMap<string, ExpectedTarget>;
  readonly named: ReadonlySet<string>;
}

export function checkSettled(report: RunReport, { request, expected, named }: Circumstances): void {
  const { summary, failed, started } = report;
  if (summary === undefined || summary.outcome === 'interrupted') return;
  if (request.force && summary.outcome === 'ok') {
    for (const name of named) if (!started.has(name)) fail(`${name} was forced and did not run`);
  }
  if (request.failFast && failed.size > 0) return;
  const blocked = descendants(report, expected);
  for (const name of blocked) if (started.has(name)) fail(`${name} ran behind a failure`);
  for (const step of summary.steps) {
    const count = [...blocked].filter((name) => expected.get(name)?.step.name === step.step).length;
    if (step.blocked !== count) {
      fail(`${step.blocked} targets of ${step.step} are blocked, ${count} descend of a failure`);
    }
    if (step.left > 0 || step.interrupted > 0) fail(`the run ends before ${step.step} is settled`);
  }
}

/** Selected targets that need a failed one, directly or not. */
function descendants(
  { graph, selection, failed }: RunReport,
  expected: Circumstances['expected'],
): ReadonlySet<string> {
  const needed = namesWhere(graph, selection?.needed);
  const found = new Set<string>();
  // In order of dependencies.
  for (const { name, producers } of expected.values()) {
    if (!needed.has(name)) continue;
    if (producers.some((each) => failed.has(each) || found.has(each))) found.add(name);
  }
  return found;
}
