// What a dataset proves of the targets upstream of a publishing one: asks the task for what was
// published, and keeps of it only targets whose files are all there, under the paths that they
// would get now, and give the recorded digest. Their manifests are made again from the published
// one. Whether a record still holds is for the run to judge.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseProvenance } from '../provenance.ts';
import type { Recalled, RecalledFile } from '../task.ts';
import type { Artifact, Manifest, Trace } from '../trace.ts';
import type { Database } from './duckdb.ts';
import { makeDurable, type SizedFile } from './durability.ts';
import type { Question, RecalledTarget, UpstreamOrder } from './executor.ts';
import { stageManifest } from './manifest.ts';
import { nameOf } from './output-name.ts';
import { publicationOf } from './publication.ts';
import { resultDigest } from './result.ts';

type RecallQuestion = Extract<Question, { kind: 'recall' }>;

interface Surroundings {
  readonly database: Database;
  readonly signal: AbortSignal;
}

export async function recallPublished(
  question: RecallQuestion,
  surroundings: Surroundings,
): Promise<readonly RecalledTarget[]> {
  const { stage } = question.order;
  mkdirSync(stage, { recursive: true });
  const recalled = await askTask(question, surroundings);
  if (recalled === undefined) return [];
  const upstream = new Map(question.upstream.map((order) => [order.target, order]));
  const listed = Map.groupBy(recalled.files, ({ producer }) => producer);
  const targets: RecalledTarget[] = [];
  const manifests: SizedFile[] = [];
  for await (const line of recalled.provenance) {
    surroundings.signal.throwIfAborted();
    const { target = '', trace, isListed } = parseProvenance(line) ?? {};
    const order = upstream.get(target);
    if (trace === undefined || order === undefined) continue;
    upstream.delete(target);
    const files = isListed ? (listed.get(target) ?? []) : trace.artifacts.map(asPart);
    if (!isWhole(files, { trace, order })) continue;
    if (!isListed) {
      targets.push({ target, trace, staged: undefined });
      continue;
    }
    const staged = join(stage, `${targets.length}.parquet`);
    const rows = listed.get(target) ?? [];
    const manifest = await remakeManifest(rows, { staged, order, ...surroundings });
    manifests.push({ path: staged, bytes: manifest.bytes });
    targets.push({ target, trace: { ...trace, manifest }, staged });
  }
  await makeDurable(manifests, stage);
  return targets;
}

async function askTask(
  { order, revision }: RecallQuestion,
  surroundings: Surroundings,
): Promise<Recalled | undefined> {
  const asked = await publicationOf({ order, revision }, surroundings);
  return await asked?.task.recall?.(asked.context);
}

async function remakeManifest(
  files: readonly RecalledFile[],
  { staged, order, database, signal }: Surroundings & { staged: string; order: UpstreamOrder },
): Promise<Manifest> {
  const rows = files.map(({ workPath, ...file }) => ({ ...file, path: workPath }));
  return await stageManifest(database, { rows, staged, path: order.manifestPath, signal });
}

type Part = Pick<RecalledFile, 'output' | 'workPath' | 'sha256' | 'value'>;

function asPart({ output, path, sha256 }: Artifact): Part {
  return { output, workPath: path, sha256, value: null };
}

/** Whether these are all files of the result, each where the target would put it now. */
function isWhole(
  files: readonly Part[],
  { trace, order }: { readonly trace: Trace; readonly order: UpstreamOrder },
): boolean {
  const named = [];
  for (const { output: outputName, sha256, workPath, value } of files) {
    const output = order.outputs.find(({ name }) => name === outputName);
    const name = output === undefined ? undefined : nameOf({ workPath, value }, output);
    if (name === undefined) return false;
    named.push({ output: outputName, sha256, name });
  }
  return resultDigest(named) === trace.digest;
}
