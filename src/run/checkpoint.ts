// Which work a checkpoint belongs to, and whether a target may go on from one: only for the same
// fingerprint and the same inputs. The content of outside files is compared by the worker, which
// reads them; here only what needs no reading.
import type { CheckpointRecord } from '../executor/executor.ts';
import { canonicalJson } from '../fingerprint.ts';
import { locateTarget, type Plan, type TargetId } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { WorkIdentity } from '../store/record.ts';
import type { Json } from '../task.ts';
import type { OutsideInput, TargetFacts } from './facts.ts';

export interface SavedCheckpoint {
  readonly record: CheckpointRecord;
  readonly work: WorkIdentity;
}

export interface IdentityParts {
  readonly plan: Plan;
  readonly facts: TargetFacts;
  readonly outside: readonly OutsideInput[];
}

/** The fingerprint and the very inputs of what the target would do now, as far as they are known. */
export function workIdentity(id: TargetId, { plan, facts, outside }: IdentityParts): WorkIdentity {
  const inputs = facts.inputDigests(id);
  for (const { name, file } of outside) {
    inputs[name] = file?.sha256 ?? `${file?.bytes} bytes at ${file?.mtimeMs}`;
  }
  return { fields: facts.fieldsOf(locateTarget(plan, id)), inputs };
}

/** One text for one work. */
export function identityText({ fields, inputs }: WorkIdentity): string {
  return canonicalJson({ ...partsOf(fields), inputs });
}

/**
 * The work that an attempt does, and the checkpoint that it may go on from: then the work is that of
 * the checkpoint, whose scratch folder is found again.
 */
export function workOf(
  id: TargetId,
  { state, ...parts }: IdentityParts & { readonly state: TargetState | undefined },
): { readonly identity: WorkIdentity; readonly resume: CheckpointRecord | undefined } {
  const identity = workIdentity(id, parts);
  const checkpoint = state?.checkpoint;
  if (checkpoint === undefined || checkpointDifferences(checkpoint, identity).length > 0) {
    return { identity, resume: undefined };
  }
  return { identity: checkpoint.work, resume: checkpoint.record };
}

/** Why a checkpoint does not count any more, a few words each; empty when it does. */
export function checkpointDifferences(
  { record, work }: SavedCheckpoint,
  now: WorkIdentity,
): readonly string[] {
  const before = comparable(work, record);
  const after = comparable(now, record);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => canonicalJson(before[name]) !== canonicalJson(after[name]));
}

/** By what a person calls it; without what cannot change the result. */
function comparable(
  { fields, inputs }: WorkIdentity,
  { ignored, outside }: CheckpointRecord,
): Readonly<Record<string, Json | undefined>> {
  const { rule, code, with: parameters, values, outputs, contracts, engine } = partsOf(fields);
  const found: Record<string, Json | undefined> = {
    [rule === 'task' ? "the task's code" : 'the rule']: code,
    'the outputs': outputs,
    'the contracts': contracts,
    'the engine': engine,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (!ignored.includes(name)) found[`the parameter ${name}`] = value;
  }
  for (const [name, value] of Object.entries(values)) found[`the value ${name}`] = value;
  for (const [name, digest] of Object.entries(inputs)) {
    found[`the input ${name}`] = sameOrDigest(digest, outside[name]);
  }
  return found;
}

/** Of an outside file that was read for the checkpoint: another time alone says nothing. */
function sameOrDigest(
  digest: string,
  read: CheckpointRecord['outside'][string] | undefined,
): string {
  if (read === undefined) return digest;
  const size = /^(\d+) bytes at /.exec(digest)?.[1];
  const isSame = size === undefined ? digest === read.sha256 : Number(size) === read.bytes;
  return isSame ? read.sha256 : digest;
}

function partsOf({ rule, code, with: parameters, values, outputs, contracts, engine }: Fields) {
  const texts = Object.entries(contracts ?? {}).map(([output, { code: text }]) => [output, text]);
  const shared = { rule, code, with: parameters, values, outputs };
  return { ...shared, contracts: texts, engine: engine ?? {} };
}

type Fields = WorkIdentity['fields'];
