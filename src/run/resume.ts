// Says whether an attempt may go on from what an earlier one saved. Whether the saved files are
// still there is the worker's to see.
import { canonicalJson } from '../fingerprint.ts';
import { locateTarget, type Plan, type TargetId } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { WorkIdentity } from '../store/record.ts';
import type { OutsideInput, TargetFacts } from './facts.ts';

/** What a checkpoint belongs to: the fingerprint and the very inputs, as far as they are known. */
export function identityOf(
  id: TargetId,
  {
    plan,
    facts,
    outside,
  }: {
    readonly plan: Plan;
    readonly facts: TargetFacts;
    readonly outside: readonly OutsideInput[];
  },
): WorkIdentity {
  const inputs = facts.inputDigests(id);
  for (const { name, file } of outside) {
    inputs[name] = file?.sha256 ?? `${file?.bytes} bytes at ${file?.mtimeMs}`;
  }
  return { fields: facts.fieldsOf(locateTarget(plan, id)), inputs };
}

/** The position to go on from: only of the very same work. */
export function resumable(state: TargetState | undefined, identity: WorkIdentity | undefined) {
  const checkpoint = state?.checkpoint;
  if (checkpoint === undefined || identity === undefined) return undefined;
  const isSame = identityText(checkpoint.work) === identityText(identity);
  return isSame ? checkpoint.record : undefined;
}

/** Equal for work whose checkpoints are good for one another. */
export function identityText({ fields, inputs }: WorkIdentity): string {
  const { rule, code, values, outputs, contracts, engine } = fields;
  const texts = Object.entries(contracts ?? {}).map(([output, { code: text }]) => [output, text]);
  const parts = { rule, code, with: fields.with, values, outputs, inputs };
  return canonicalJson({ ...parts, contracts: texts, engine: engine ?? {} });
}
