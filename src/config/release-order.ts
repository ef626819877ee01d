// Checks that a step frees files only after everything that reads them is done: a reader that comes
// later would find nothing, and have everything made again.
import type { StepConfig } from './config.ts';
import type { Report } from './document.ts';

export function checkReleases(steps: readonly StepConfig[], report: Report): void {
  const byName = new Map(steps.map((step) => [step.name, step]));
  for (const step of steps) {
    if (step.rule.kind !== 'release') continue;
    const before = upstreamOf(step, byName);
    for (const released of step.rule.steps) {
      if (!before.has(released)) reportLate(step, { released, report });
      const readers = steps.filter(
        ({ needs, name }) => needs.includes(released) && name !== step.name,
      );
      for (const reader of readers) {
        // Published results are read from their records.
        if (before.has(reader.name) || isReleasing(reader)) continue;
        const what = `releases "${released}", which "${reader.name}" reads`;
        const message = `Step "${step.name}" ${what}, without waiting for it.`;
        const hint = `add "${reader.name}" to the needs of "${step.name}"`;
        report({ code: 'input-without-needs', severity: 'error', message, at: step.at, hint });
      }
    }
  }
}

function reportLate(
  step: StepConfig,
  { released, report }: { released: string; report: Report },
): void {
  const message = `Step "${step.name}" releases "${released}" without waiting for it.`;
  const hint = `let it need what comes after "${released}"`;
  report({ code: 'input-without-needs', severity: 'error', message, at: step.at, hint });
}

function isReleasing({ rule }: StepConfig): boolean {
  return rule.kind === 'release';
}

/** All steps that a step needs, directly or not. */
function upstreamOf(
  step: StepConfig,
  byName: ReadonlyMap<string, StepConfig>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...step.needs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    for (const need of byName.get(name)?.needs ?? []) open.push(need);
  }
  return found;
}
