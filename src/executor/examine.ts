// What a target's outputs are as they lie in their places: found by their templates, or where a
// template leaves their number open by the target's manifest; checked against their contracts and
// digested as those of a run are. It says what is there, never how it was made.
import { existsSync, lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_ARTIFACTS_IN_TRACE, type Manifest } from '../trace.ts';
import type { Database } from './duckdb.ts';
import { makeDurable } from './durability.ts';
import type { Answer, ExaminedResult, ExamineOrder, OutputProblem, Question } from './executor.ts';
import { digestFile } from './file-digest.ts';
import { REJECTS, readRecordedFiles, stageManifest } from './manifest.ts';
import { checkParquetOutputs } from './output-check.ts';
import { nameOf } from './output-name.ts';
import { resultDigest } from './result.ts';
import type { StagedOutput } from './stage.ts';

interface Surroundings {
  readonly database: Database;
  readonly signal: AbortSignal;
}

/** `staged` is where the file lies. */
type LyingFile = StagedOutput & { readonly sha256: string };

interface Found {
  readonly files: readonly LyingFile[];
  /** The manifest as it lies, where it is right. */
  readonly manifest: Manifest | undefined;
}

/** Throws `contract-broken`. */
export async function examineOutputs(
  { order, expects }: Extract<Question, { kind: 'examine' }>,
  surroundings: Surroundings,
): Promise<Answer> {
  const isOpen = order.outputs.some(({ partitionBy, glob }) => partitionBy !== undefined || glob);
  const found = isOpen
    ? await findListed(order, { ...surroundings, expects })
    : await findNamed(order, surroundings);
  if ('problem' in found) return { kind: 'unproven', ...found };
  return { kind: 'examined', result: await resultOf(found, { order, isOpen, ...surroundings }) };
}

interface Problem {
  readonly path: string;
  readonly problem: OutputProblem;
}

async function findNamed(
  order: ExamineOrder,
  { database, signal }: Surroundings,
): Promise<Found | Problem> {
  const { work, outputs, manifestPath, rejectsPath } = order;
  if (existsSync(join(work, `${manifestPath}.next`))) {
    return { path: manifestPath, problem: 'partial' };
  }
  const lying: StagedOutput[] = [];
  for (const { name, path } of outputs) {
    const stat = statOf(join(work, path));
    if (stat === undefined) return { path, problem: 'missing' };
    lying.push({ output: name, staged: join(work, path), path, stat, ...NOTHING_KNOWN });
  }
  const context = { order, database: async () => database };
  const checked = await checkParquetOutputs(context, lying);
  const rejects = await findRejects(join(work, rejectsPath), { path: rejectsPath, database });
  const files = [];
  for (const file of [...checked.outputs, ...rejects]) files.push(await digested(file, signal));
  return { files, manifest: undefined };
}

const NOTHING_KNOWN = { name: '', value: null, rows: undefined, minId: null, maxId: null };

async function findRejects(
  file: string,
  { path, database }: { readonly path: string; readonly database: Database },
): Promise<readonly StagedOutput[]> {
  const stat = statOf(file);
  if (stat === undefined) return [];
  const [counted] = await database.rows('SELECT num_rows FROM parquet_file_metadata($file)', {
    file,
  });
  const rows = Number(counted?.['num_rows'] ?? 0);
  return [{ output: REJECTS, staged: file, path, stat, ...NOTHING_KNOWN, rows }];
}

async function findListed(
  order: ExamineOrder,
  context: Surroundings & { readonly expects: 'as-they-lie' | 'as-listed' },
): Promise<Found | Problem> {
  const { database, signal } = context;
  const path = order.manifestPath;
  const manifest = join(order.work, path);
  if (existsSync(`${manifest}.next`)) return { path, problem: 'partial' };
  const stat = statOf(manifest);
  if (stat === undefined) return { path, problem: 'unlisted' };
  const files: LyingFile[] = [];
  let isRight = true;
  for (const listed of await readRecordedFiles(database, manifest)) {
    const name = listedName(listed, order);
    if (name === undefined) return { path: listed.path, problem: 'unlisted' };
    const staged = join(order.work, listed.path);
    const now = statOf(staged);
    if (now === undefined) return { path: listed.path, problem: 'missing' };
    const file = await digested({ ...listed, staged, name, stat: now }, signal);
    const isSame = file.sha256 === listed.sha256;
    if (!isSame && context.expects === 'as-listed') {
      return { path: listed.path, problem: 'changed' };
    }
    files.push(isSame ? file : await recounted(file, { order, database }));
    isRight &&= isSame;
  }
  if (!isRight) return { files, manifest: undefined };
  const { sha256 } = await digested({ staged: manifest, stat }, signal);
  const { size: bytes, mtimeMs } = stat;
  return { files, manifest: { path, bytes, mtimeMs, sha256, ...sumsOf(files) } };
}

function listedName(
  {
    output: outputName,
    path: workPath,
    value,
  }: Readonly<Record<'output' | 'path', string>> & {
    readonly value: string | null;
  },
  { outputs, rejectsPath }: ExamineOrder,
): string | null | undefined {
  if (outputName === REJECTS) return workPath === rejectsPath ? '' : undefined;
  const output = outputs.find(({ name }) => name === outputName);
  return output === undefined ? undefined : nameOf({ workPath, value }, output);
}

/** What the manifest said of another content is found out anew. */
async function recounted(
  file: LyingFile,
  { order, database }: { readonly order: ExamineOrder; readonly database: Database },
): Promise<LyingFile> {
  const unknown = { ...file, rows: undefined, minId: null, maxId: null };
  const context = { order, database: async () => database };
  const { outputs } = await checkParquetOutputs(context, [unknown]);
  return { ...unknown, ...outputs[0] };
}

async function resultOf(
  { files, manifest }: Found,
  { order, isOpen, database, signal }: Surroundings & { order: ExamineOrder; isOpen: boolean },
): Promise<ExaminedResult> {
  const own = files.filter(({ output }) => output !== REJECTS);
  const counted = own.filter(({ rows }) => rows !== undefined);
  const needsManifest = isOpen || files.length > MAX_ARTIFACTS_IN_TRACE;
  const staged =
    needsManifest && manifest === undefined
      ? await makeManifest(files, { order, database, signal })
      : undefined;
  const record = manifest ?? staged?.record;
  return {
    artifacts: needsManifest ? [] : files.map(artifactOf),
    manifest: record === undefined ? undefined : { record, staged: staged?.path },
    digest: resultDigest(files),
    rows:
      counted.length === 0 ? undefined : counted.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
    rejects: files.find(({ output }) => output === REJECTS)?.rows ?? 0,
  };
}

async function makeManifest(
  files: readonly LyingFile[],
  { order, database, signal }: Surroundings & { order: ExamineOrder },
): Promise<{ readonly path: string; readonly record: Manifest }> {
  mkdirSync(order.stage, { recursive: true });
  const path = join(order.stage, 'manifest.parquet');
  const rows = files.map((file) => ({ ...file, bytes: file.stat.size, rows: file.rows ?? null }));
  const place = { staged: path, path: order.manifestPath, signal };
  const record = await stageManifest(database, { rows, ...place });
  await makeDurable([{ path, bytes: record.bytes }], order.stage);
  return { path, record };
}

function sumsOf(files: readonly LyingFile[]): Pick<Manifest, 'files' | 'totalBytes' | 'totalRows'> {
  const own = files.filter(({ output }) => output !== REJECTS);
  return {
    files: own.length,
    totalBytes: files.reduce((sum, { stat }) => sum + stat.size, 0),
    totalRows: own.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
  };
}

function artifactOf({ output, path, stat, rows, sha256 }: LyingFile) {
  const { size: bytes, mtimeMs } = stat;
  return { output, path, bytes, mtimeMs, ...(rows === undefined ? {} : { rows }), sha256 };
}

/** Undefined for what is not a regular file. */
function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ? statSync(path) : undefined;
}

async function digested<T extends { readonly staged: string; readonly stat: Stats }>(
  file: T,
  signal: AbortSignal,
): Promise<T & { readonly sha256: string }> {
  return { ...file, sha256: await digestFile(file.staged, { stat: file.stat, signal }) };
}
