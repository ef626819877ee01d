// Decides whether a target is fresh: compares the recorded trace with what holds now, by equality
// and never by an order of times. It does not know what runs when (`scheduler.ts`), and it does no
// I/O: where a fact is missing (what a changed text means, the digest of a touched file) it says
// which, and is asked again with the answer.
import { canonicalJson } from './fingerprint.ts';
import type { Json } from './task.ts';
import type { Fields, Trace } from './trace.ts';

/** What holds now, as far as it is known. */
export interface Current {
  readonly fields: Fields;
  /** The file with the rule's text, for people; undefined where it stands in the pipeline. */
  readonly ruleFile: string | undefined;
  /** Digest of what each dependency gave, by the trace's input names. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Outside files as they look now; `sha256` only when somebody had to compute it. */
  readonly outside: Readonly<Record<string, OutsideFile>>;
  /** Size and mtime of outside files are not enough. */
  readonly doubtsOutside: boolean;
  readonly maxRejects: number;
}

export interface OutsideFile {
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly sha256?: string;
}

/** What was recorded of the target, and what its outputs look like. */
export interface Recorded {
  readonly trace: Trace | undefined;
  /** Status of the last attempt where that did not succeed. */
  readonly unfinished: 'started' | 'failed' | 'interrupted' | undefined;
  readonly outputs: OutputState;
}

export type OutputState =
  | { readonly kind: 'present' }
  /** The runner itself deleted them; the trace stays valid. */
  | { readonly kind: 'released' }
  /** Deleted by the runner, and something that has to run wants to read them. */
  | { readonly kind: 'wanted'; readonly path: string; readonly by: string }
  /** Of a releasing target: files of `target` lie there again. */
  | { readonly kind: 'unreleased'; readonly target: string }
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'changed'; readonly path: string };

export type Verdict =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'stale'; readonly reasons: readonly Reason[] }
  /** Ask for these facts and judge again. */
  | { readonly kind: 'unknown'; readonly question: 'meaning' | 'outside'; readonly name: string };

export type Reason =
  | { readonly kind: 'new' }
  | { readonly kind: 'unfinished'; readonly status: 'started' | 'failed' | 'interrupted' }
  | { readonly kind: 'forced' }
  | {
      readonly kind: 'field';
      /** `sql`, `task`, `command`, `parameter mode`, `value chunk`, `output path`, `contract`, .. */
      readonly field: string;
      /** The file in which that stands. */
      readonly file?: string;
      readonly before: Json | undefined;
      readonly after: Json | undefined;
    }
  | {
      readonly kind: 'input';
      readonly change: 'changed' | 'added' | 'removed';
      readonly input: string;
      readonly before?: string;
      readonly after?: string;
    }
  | {
      readonly kind: 'output';
      readonly change: 'missing' | 'changed' | 'wanted';
      readonly path: string;
      /** Of a wanted one: the target that wants to read it. */
      readonly by?: string;
    }
  | { readonly kind: 'unreleased'; readonly target: string }
  | { readonly kind: 'rejects'; readonly recorded: number; readonly allowed: number };

export function judge(current: Current, recorded: Recorded): Verdict {
  const { trace } = recorded;
  if (trace === undefined) return judgeUntraced(recorded);
  const reasons: Reason[] = [];
  const meaning = compareCode(current, { before: trace.fields, reasons });
  if (meaning !== undefined) return meaning;
  compareFields(current.fields, { before: trace.fields, reasons });
  const missing = compareInputs(current, { trace, reasons });
  if (missing !== undefined && reasons.length === 0) return missing;
  const { outputs } = recorded;
  if (outputs.kind === 'unreleased') {
    reasons.push({ kind: 'unreleased', target: outputs.target });
  } else if (outputs.kind === 'wanted') {
    reasons.push({ kind: 'output', change: 'wanted', path: outputs.path, by: outputs.by });
  } else if (outputs.kind === 'changed' || (outputs.kind === 'missing' && !isMoved(reasons))) {
    reasons.push({ kind: 'output', change: outputs.kind, path: outputs.path });
  }
  const rejects = trace.rejects ?? 0;
  if (rejects > current.maxRejects) {
    reasons.push({ kind: 'rejects', recorded: rejects, allowed: current.maxRejects });
  }
  return reasons.length === 0 ? { kind: 'fresh' } : { kind: 'stale', reasons };
}

/** Outputs that are looked for under another template are not missing: they were never there. */
function isMoved(reasons: readonly Reason[]): boolean {
  return reasons.some((reason) => reason.kind === 'field' && reason.field.startsWith('output '));
}

/** Without a trace, whatever holds now: a target that never ended well. */
export function judgeUntraced({ unfinished }: Recorded): Verdict {
  const reason: Reason =
    unfinished === undefined ? { kind: 'new' } : { kind: 'unfinished', status: unfinished };
  return { kind: 'stale', reasons: [reason] };
}

interface Comparison {
  readonly before: Fields;
  readonly reasons: Reason[];
}

/** Equal text is equal work; different text may still mean the same, which must then be known. */
function compareCode(
  { fields: now, ruleFile }: Pick<Current, 'fields' | 'ruleFile'>,
  { before, reasons }: Comparison,
): Verdict | undefined {
  if (now.rule !== before.rule) {
    reasons.push({ kind: 'field', field: 'rule', before: before.rule, after: now.rule });
    return undefined;
  }
  if (now.code !== before.code) {
    if (before.meaning !== undefined && now.meaning === undefined) {
      return { kind: 'unknown', question: 'meaning', name: 'code' };
    }
    if (before.meaning === undefined || now.meaning !== before.meaning) {
      const field = { sql: 'sql', task: 'task', run: 'command', release: 'release' }[now.rule];
      reasons.push({
        kind: 'field',
        field,
        ...(ruleFile === undefined ? {} : { file: ruleFile }),
        before: before.text ?? before.meaning ?? before.code,
        after: now.text ?? now.meaning ?? now.code,
      });
    }
  }
  for (const [output, contract] of Object.entries(now.contracts ?? {})) {
    const old = before.contracts?.[output];
    if (old === undefined || old.code === contract.code) continue;
    if (contract.meaning === undefined) {
      return { kind: 'unknown', question: 'meaning', name: `contract ${output}` };
    }
    if (old.meaning === contract.meaning) continue;
    reasons.push({
      kind: 'field',
      field: `contract of ${output}`,
      before: old.meaning ?? old.code,
      after: contract.meaning,
    });
  }
  return undefined;
}

function compareFields(now: Fields, { before, reasons }: Comparison) {
  const ignored = new Set(before.ignored ?? []);
  compareRecords('parameter', {
    before: before.with,
    after: now.with,
    skip: (name) => ignored.has(name),
    reasons,
  });
  compareRecords('value', { before: before.values, after: now.values, reasons });
  compareRecords('output', { before: before.outputs, after: now.outputs, reasons });
  if (now.engine !== undefined) {
    compareRecords('engine', { before: before.engine ?? {}, after: now.engine, reasons });
  }
  const [had, has] = [before.contracts ?? {}, now.contracts ?? {}];
  for (const output of new Set([...Object.keys(had), ...Object.keys(has)])) {
    const [old, contract] = [had[output], has[output]];
    if ((old === undefined) === (contract === undefined)) continue;
    reasons.push({
      kind: 'field',
      field: `contract of ${output}`,
      before: old?.meaning ?? old?.code,
      after: contract?.meaning ?? contract?.code,
    });
  }
}

function compareRecords(
  label: string,
  records: {
    readonly before: Readonly<Record<string, Json>>;
    readonly after: Readonly<Record<string, Json>>;
    readonly skip?: (name: string) => boolean;
    readonly reasons: Reason[];
  },
) {
  const { before, after, skip, reasons } = records;
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (skip?.(name) === true) continue;
    const old = before[name];
    const now = after[name];
    if (old === now || canonicalJson(old) === canonicalJson(now)) continue;
    const field = `${label} ${name}`;
    if (isRecord(old) && isRecord(now)) {
      compareRecords(field === 'output output' ? 'output' : field, {
        before: old,
        after: now,
        reasons,
      });
    } else {
      reasons.push({ kind: 'field', field, before: old, after: now });
    }
  }
}

function isRecord(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compareInputs(
  current: Current,
  { trace, reasons }: { trace: Trace; reasons: Reason[] },
): Verdict | undefined {
  let missing: Verdict | undefined;
  const left = new Set(Object.keys(trace.inputs));
  for (const [input, digest] of Object.entries(current.inputs)) {
    compareInput(input, { before: trace.inputs[input], after: digest, reasons });
    left.delete(input);
  }
  for (const [input, file] of Object.entries(current.outside)) {
    left.delete(input);
    const before = trace.inputs[input];
    const seen = trace.outside?.[input];
    if (file.sha256 !== undefined || before === undefined || seen === undefined) {
      compareInput(input, { before, after: file.sha256 ?? 'new', reasons });
    } else if (seen.bytes !== file.bytes) {
      compareInput(input, { before: `${seen.bytes} bytes`, after: `${file.bytes} bytes`, reasons });
    } else if (seen.mtimeMs !== file.mtimeMs || current.doubtsOutside) {
      missing ??= { kind: 'unknown', question: 'outside', name: input };
    }
  }
  for (const input of left) {
    const before = trace.inputs[input];
    reasons.push({
      kind: 'input',
      change: 'removed',
      input,
      ...(before === undefined ? {} : { before }),
    });
  }
  return missing;
}

function compareInput(
  input: string,
  { before, after, reasons }: { before: string | undefined; after: string; reasons: Reason[] },
) {
  if (before === after) return;
  reasons.push(
    before === undefined
      ? { kind: 'input', change: 'added', input, after }
      : { kind: 'input', change: 'changed', input, before, after },
  );
}

/** The reason in words, old value first. */
export function explainReason(reason: Reason): string {
  switch (reason.kind) {
    case 'new':
      return 'it was never made';
    case 'unfinished':
      return reason.status === 'failed'
        ? 'its last attempt failed'
        : `its last attempt was ${reason.status === 'interrupted' ? 'interrupted' : 'not finished'}`;
    case 'forced':
      return 'asked for by --force';
    case 'field':
      return `${headOf(reason)}: ${show(reason.before)} -> ${show(reason.after)}`;
    case 'input':
      return explainInput(reason);
    case 'output':
      return explainOutput(reason);
    case 'unreleased':
      return `files of ${reason.target} are there again`;
    case 'rejects':
      return `it has ${reason.recorded} rejects, now at most ${reason.allowed} are allowed`;
  }
}

function headOf({ field, file, before }: Extract<Reason, { kind: 'field' }>): string {
  if (file === undefined) return field;
  const isText = field === 'task' && !String(before).startsWith('version ');
  return `${field} ${file}${isText ? ' (or what it imports)' : ''}`;
}

function explainOutput({ change, path, by }: Extract<Reason, { kind: 'output' }>): string {
  switch (change) {
    case 'missing':
      return `output ${path} is missing`;
    case 'changed':
      return `output ${path} is not as it was made`;
    case 'wanted':
      return `output ${path} was released, and ${by ?? 'another target'} has to read it`;
  }
}

function explainInput(reason: Extract<Reason, { kind: 'input' }>): string {
  switch (reason.change) {
    case 'added':
      return `input ${reason.input} is new`;
    case 'removed':
      return `input ${reason.input} is gone`;
    case 'changed':
      return `input ${reason.input}: ${brief(reason.before)} -> ${brief(reason.after)}`;
  }
}

function show(value: Json | undefined): string {
  if (value === undefined) return '(not set)';
  return typeof value === 'string'
    ? brief(value.replaceAll(/\s*\n\s*/g, ' '))
    : canonicalJson(value);
}

/** Digests are shown by their first 12 digits. */
function brief(value: string | undefined): string {
  if (value === undefined) return '(not set)';
  return /^[0-9a-f]{32,}$/.test(value) ? value.slice(0, 12) : value;
}
