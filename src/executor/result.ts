// From what a rule left in the stage to the result that the run publishes: checked against the
// contracts, digested, listed and made durable, as far as the run does not do that for many at once.

import { hash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountRecord, Artifact, Manifest } from '../trace.ts';
import { MAX_ARTIFACTS_IN_TRACE } from '../trace.ts';
import { checkAccount } from './account.ts';
import { leftToTheRun, makeDurable, type SizedFile } from './durability.ts';
import type { WorkResult } from './executor.ts';
import { digestFile } from './file-digest.ts';
import { pathsOfOldManifests, REJECTS, stageManifest } from './manifest.ts';
import { checkParquetOutputs } from './output-check.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { besideOutputs, collectOutputs, type StagedOutput } from './stage.ts';

export type StagedResult = Omit<WorkResult, 'engine' | 'peakBytes'>;

export async function finishResult(attempt: Attempt, rule: RuleResult): Promise<StagedResult> {
  const { order, inputs, stagedPaths } = attempt;
  const found = collectOutputs({ order, stagedPaths, written: rule.written });
  const { outputs, contracts } = await checkParquetOutputs(attempt, found);
  const rows = totalRows(outputs, rule);
  const account = accountOf(rule, rows);
  const digested = await digestAll(attempt, [...outputs, ...rejectsOutput(rule)]);
  const manifest = await manifestOf(attempt, digested);
  inputs.checkUnchanged();
  const unsynced = await makeAllDurable(attempt, { digested, manifest });
  return {
    files: digested.map(({ staged, path }) => ({ staged, path })),
    unsynced,
    artifacts: manifest === undefined ? digested.map(artifactOf) : [],
    manifest,
    digest: resultDigest(digested),
    obsolete: await obsoletePaths(attempt, { digested, hasManifest: manifest !== undefined }),
    rows,
    rejects: rule.rejects,
    account,
    published: rule.published,
    ...(rule.findings === undefined ? {} : { findings: rule.findings }),
    outside: inputs.outside(),
    meaning: Object.keys(contracts).length === 0 ? rule.meaning : { ...rule.meaning, contracts },
  };
}

type Digested = StagedOutput & { readonly sha256: string };

/** Undefined where nothing has rows; a table without files has none of them. */
function totalRows(outputs: readonly StagedOutput[], rule: RuleResult): number | undefined {
  const counted = outputs.filter(({ rows }) => rows !== undefined);
  if (counted.length === 0 && rule.written.size === 0) return undefined;
  return counted.reduce((sum, { rows }) => sum + (rows ?? 0), 0);
}

function accountOf(rule: RuleResult, rows: number | undefined): AccountRecord | undefined {
  if (rule.account === undefined) return undefined;
  return checkAccount(rule.account, { rejects: rule.rejects, rows });
}

function rejectsOutput({ rejectsFile: file }: RuleResult): readonly StagedOutput[] {
  if (file === undefined) return [];
  const { staged, path, rows } = file;
  const stat = statSync(staged);
  const none = { name: '', value: null, minId: null, maxId: null };
  return [{ output: REJECTS, staged, path, rows, stat, ...none }];
}

async function digestAll(
  { control }: Attempt,
  outputs: readonly StagedOutput[],
): Promise<readonly Digested[]> {
  const digested: Digested[] = [];
  for (const output of outputs) {
    control.signal.throwIfAborted();
    const { staged, stat } = output;
    const sha256 = output.sha256 ?? (await digestFile(staged, { stat, signal: control.signal }));
    digested.push({ ...output, sha256 });
  }
  return digested;
}

/** Over output, value or matched name, and content: the same wherever the files lie. */
export function resultDigest(
  files: readonly Pick<Digested, 'output' | 'name' | 'sha256'>[],
): string {
  const lines = files
    .filter(({ output }) => output !== REJECTS)
    .map(({ output, name, sha256 }) => JSON.stringify([output, name, sha256]))
    .sort();
  return hash('sha256', lines.join('\n'));
}

function artifactOf({ output, path, stat, rows, sha256 }: Digested): Artifact {
  const { size: bytes, mtimeMs } = stat;
  return { output, path, bytes, mtimeMs, ...(rows === undefined ? {} : { rows }), sha256 };
}

async function manifestOf(
  attempt: Attempt,
  digested: readonly Digested[],
): Promise<{ staged: string; record: Manifest } | undefined> {
  const { order } = attempt;
  // Where the names are not known before, only a manifest tells what a publication that was cut
  // short may have left.
  const isOpen = order.outputs.some(({ partitionBy, glob }) => partitionBy !== undefined || glob);
  if (!isOpen && digested.length <= MAX_ARTIFACTS_IN_TRACE) return undefined;
  const staged = besideOutputs(order, 'manifest.parquet');
  const record = await stageManifest(await attempt.database(), {
    rows: digested.map((file) => ({
      ...file,
      bytes: file.stat.size,
      rows: file.rows ?? null,
    })),
    staged,
    path: order.manifestPath,
    signal: attempt.control.signal,
  });
  return { staged, record };
}

async function makeAllDurable(
  { order }: Attempt,
  {
    digested,
    manifest,
  }: {
    readonly digested: readonly Digested[];
    readonly manifest: { readonly staged: string; readonly record: Manifest } | undefined;
  },
): Promise<readonly string[]> {
  const files: SizedFile[] = digested.map(({ staged, stat }) => ({
    path: staged,
    bytes: stat.size,
  }));
  if (manifest !== undefined) files.push({ path: manifest.staged, bytes: manifest.record.bytes });
  const left = leftToTheRun(files);
  await makeDurable(
    files.filter((file) => !left.includes(file)),
    order.work,
  );
  return left.map(({ path }) => path);
}

async function obsoletePaths(
  attempt: Attempt,
  {
    digested,
    hasManifest,
  }: { readonly digested: readonly Digested[]; readonly hasManifest: boolean },
): Promise<readonly string[]> {
  const { previous, work, manifestPath } = attempt.order;
  const now = new Set(digested.map(({ path }) => path));
  // The list of a publication under way lies there as `.next` until its last rename.
  if (hasManifest) now.add(manifestPath).add(`${manifestPath}.next`);
  const { yes: there = [], no: gone = [] } = Object.groupBy(previous.manifests, (path) =>
    existsSync(join(work, path)) ? 'yes' : 'no',
  );
  const manifests = there.map((path) => join(work, path));
  const listed =
    manifests.length === 0 ? [] : await pathsOfOldManifests(await attempt.database(), manifests);
  const before = new Set([...previous.paths, ...listed]);
  return [...before].filter((path) => !now.has(path) && !gone.includes(path)).sort();
}
