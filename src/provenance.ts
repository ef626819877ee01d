// How a published result was made, as text for the dataset: a line for each target, with its trace
// but for what only holds where it was made (times of files, memory), so that the same work gives
// the same line wherever it was done or recalled. Whoever reads a line checks its shape; whether
// it holds now is for the rebuilder to say, and where it may lie for the executor.
import type { Artifact, Fields, Trace } from './trace.ts';

export interface Provenance {
  readonly target: string;
  /** Times of files are 0; without its manifest. */
  readonly trace: Trace;
  /** The target's files are those that the published manifest says it made. */
  readonly isListed: boolean;
}

/** Ends in a newline. Rejects are left out: they are not published. */
export function provenanceLine(target: string, trace: Trace): string {
  const { inputs, outside, manifest, digest, rows, rejects, account, engine } = trace;
  // A command may hold values that are nobody else's business; its digest is enough to compare.
  const { text: _, ...fields } = trace.fields;
  const artifacts = trace.artifacts
    .filter(({ output }) => output !== 'rejects')
    .map(({ mtimeMs: _, ...artifact }) => artifact);
  const sizes = Object.entries(outside ?? {}).map(([name, { bytes }]) => [name, { bytes }]);
  const made = {
    fields,
    inputs,
    outside: outside === undefined ? undefined : Object.fromEntries(sizes),
    artifacts,
    listed: manifest === undefined ? undefined : true,
    digest,
    rows,
    rejects,
    account,
    engine,
  };
  return `${JSON.stringify({ target, trace: made })}\n`;
}

/** Undefined for a line that is not one. */
export function parseProvenance(line: string): Provenance | undefined {
  const value = parseJson(line);
  const made = isRecord(value) ? value['trace'] : undefined;
  if (!isRecord(value) || !isRecord(made)) return undefined;
  const { target } = value;
  const { fields, inputs, digest, rows, rejects, engine, listed } = made;
  const artifacts = parseAll(made['artifacts'], parseArtifact);
  const outside = parseOutside(made['outside']);
  const account = parseAccount(made['account']);
  if (!isText(target) || !isText(digest) || !isFields(fields)) return undefined;
  if (artifacts === undefined || !isTexts(inputs) || !isTexts(engine)) return undefined;
  const trace: Trace = {
    fields,
    inputs,
    ...(outside === undefined ? {} : { outside }),
    artifacts,
    digest,
    ...(isNumber(rows) ? { rows } : {}),
    ...(isNumber(rejects) ? { rejects } : {}),
    ...(account === undefined ? {} : { account }),
    engine,
    durationMs: 0,
  };
  return { target, trace, isListed: listed === true };
}

const RULES: readonly unknown[] = ['sql', 'task', 'run', 'release'];

function isFields(value: unknown): value is Fields {
  if (!isRecord(value) || !RULES.includes(value['rule']) || !isText(value['code'])) return false;
  const { text, meaning, ignored = [], contracts = {}, engine = {} } = value;
  return (
    [value['with'], value['values'], value['outputs']].every(isRecord) &&
    (text === undefined || isText(text)) &&
    (meaning === undefined || isText(meaning)) &&
    Array.isArray(ignored) &&
    isRecordOf(contracts, isContract) &&
    isTexts(engine)
  );
}

function isContract(value: unknown): value is { readonly code: string } {
  if (!isRecord(value) || !isText(value['code'])) return false;
  return value['meaning'] === undefined || isText(value['meaning']);
}

function parseArtifact(value: unknown): Artifact | undefined {
  if (!isRecord(value)) return undefined;
  const { output, path, bytes, rows, sha256 } = value;
  if (!isText(output) || !isText(path) || !isText(sha256) || !isNumber(bytes)) return undefined;
  return { output, path, bytes, mtimeMs: 0, ...(isNumber(rows) ? { rows } : {}), sha256 };
}

function parseOutside(value: unknown): Trace['outside'] {
  if (!isRecord(value)) return undefined;
  const outside: Record<string, { bytes: number; mtimeMs: number }> = {};
  for (const [name, file] of Object.entries(value)) {
    const bytes = isRecord(file) ? file['bytes'] : undefined;
    if (isNumber(bytes)) outside[name] = { bytes, mtimeMs: 0 };
  }
  return outside;
}

function parseAccount(value: unknown): Trace['account'] {
  if (!isRecord(value)) return undefined;
  const { entriesIn, kept, drops } = value;
  if (!isNumber(entriesIn) || !isNumber(kept) || !isRecordOf(drops, isNumber)) return undefined;
  return { entriesIn, kept, drops };
}

/** Undefined unless every item is one. */
function parseAll<T>(
  value: unknown,
  parse: (item: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(parse).filter((item) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isRecordOf(value, isText);
}

function isRecordOf<T>(
  value: unknown,
  isRight: (item: unknown) => item is T,
): value is Readonly<Record<string, T>> {
  return isRecord(value) && Object.values(value).every(isRight);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
