// Which failures are the same mistake: those of one step with one code whose messages differ only in
// names, numbers and quoted values. Decides the groups, not how they are shown.
import type { FailedTarget } from '../event.ts';

export interface FailureGroup {
  readonly step: string;
  readonly code: string;
  /** In the order in which they failed; never empty. */
  readonly failures: readonly [FailedTarget, ...FailedTarget[]];
}

/** Largest group first; groups of one size in the order of their first failure. */
export function groupFailures(failures: readonly FailedTarget[]): readonly FailureGroup[] {
  const groups = new Map<string, [FailedTarget, ...FailedTarget[]]>();
  for (const failed of failures) {
    const key = causeOf(failed);
    const group = groups.get(key);
    if (group) group.push(failed);
    else groups.set(key, [failed]);
  }
  return [...groups.values()]
    .map((group) => ({ step: group[0].step, code: group[0].failure.code, failures: group }))
    .sort((a, b) => b.failures.length - a.failures.length);
}

/** Equal for failures of the same cause. */
export function causeOf({ target, step, failure }: Omit<FailedTarget, 'log'>): string {
  return [step, failure.code, foldVariableParts(failure.message, target)].join('\n');
}

/** The message with everything replaced that differs between targets with the same mistake. */
export function foldVariableParts(message: string, target: string): string {
  const member = target.slice(target.indexOf('@') + 1);
  return message
    .slice(0, MAX_COMPARED)
    .replaceAll(target, '…')
    .replaceAll(member, '…')
    .replaceAll(/"[^"]*"|`[^`]*`|(?<!\w)'[^']*'/g, '…')
    .replaceAll(/\S*\/\S*/g, '…')
    .replaceAll(/\b[0-9a-f]{8,}\b/gi, '…')
    .replaceAll(/\d[\d.,:_]*/g, 'N');
}

/** A message that quotes a whole document must not cost a second. */
const MAX_COMPARED = 2000;
