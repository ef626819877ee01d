// The files that the bench of the Hub publishes, and the two pipelines that push, check and pull
// them: small Parquet files as splitting a table by language makes them, and some large ones.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../src/executor/duckdb.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
export const DATASET = 'local/bench';
export const SMALL_FILES = 2000;
export const LARGE_FILES = 4;
const SMALL_ROWS = 100;
/** 50 MB of text that does not compress further. */
const LARGE_ROWS = 3_000_000;
const FOLDERS = 50;

const WORK = 'work/default';
/** The state folder of the first pipeline when all but publishing is done. */
const STATE_BEFORE = 'state-before';

/** Splits the files as they are, and publishes them; only the second half is measured. */
function pushPipeline(endpoint: string): string {
  return `name: bench-push
hub: { endpoint: "${endpoint}" }
sources:
  rows: { files: "rows/*.parquet", name: "c{chunk}-{part}.parquet" }
steps:
  split:
    each: file
    sql: SELECT * FROM read_parquet($input, hive_partitioning = false)
    outputs: { path: "results/part={value}/{key}.parquet", partition_by: part }
  push:
    needs: split
    each: chunk
    task: ${join(PROJECT, 'tasks/push.ts')}
    publish: { dataset: ${DATASET} }
    with: { strip: results }
    outputs: { manifest: "published/{key}.parquet", record: "published/{key}.json" }
  post_check:
    needs: push
    each: chunk
    task: ${join(PROJECT, 'tasks/post_check.ts')}
    outputs: "checked/{key}.json"
`;
}

function pullPipeline(endpoint: string): string {
  return `name: bench-pull
hub: { endpoint: "${endpoint}" }
sources:
  rows: { dataset: ${DATASET}, files: "data/**/*.parquet", name: "c{chunk}-{part}.parquet" }
steps:
  pull:
    each: file
    task: ${join(PROJECT, 'tasks/pull.ts')}
    pools: { cpu: 0, network: 1, memory: 256MB }
    outputs: "data/{file}"
`;
}

/** Makes the files and splits them, unless they are there; `made/results` is what is published. */
export async function makeHubFiles(folder: string): Promise<void> {
  const made = join(folder, 'made');
  if (existsSync(made)) return;
  const partial = `${made}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(join(partial, 'rows'), { recursive: true });
  const spill = join(partial, 'spill');
  const database = await openDatabase({ memoryBytes: 0, temporaryFolder: spill, root: partial });
  for (let file = 0; file < SMALL_FILES + LARGE_FILES; file += 1) {
    const rows = file < SMALL_FILES ? SMALL_ROWS : LARGE_ROWS;
    await database.rows(
      `copy (select '${file}-' || i as id, md5('${file} ' || i) as label,
         'p${file % FOLDERS}' as part from range(${rows}) row(i))
       to '${join(partial, 'rows', `c0-${file}.parquet`)}' (format parquet, compression zstd)`,
    );
  }
  database.close();
  rmSync(spill, { recursive: true, force: true });
  writeFileSync(join(partial, 'pipeline.yaml'), pushPipeline('http://127.0.0.1:9'));
  const args = [ENTRY, 'split', '--reporter', 'silent'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: partial, encoding: 'utf8' });
  if (status !== 0) throw new Error(`splitting ended with ${status}:\n${stderr}`);
  cpSync(join(partial, WORK, 'state'), join(partial, STATE_BEFORE), { recursive: true });
  renameSync(partial, made);
}

/** The folder below which everything lies that is to be published. */
export function resultsOf(folder: string): string {
  return join(folder, 'made', WORK, 'results');
}

/** Sets up both pipelines as if nothing had been published; gives the commands in their order. */
export function freshPipelines(folder: string, endpoint: string): readonly string[] {
  const push = join(folder, 'made');
  const pull = join(folder, 'pulled');
  // Only what a publication leaves is taken back: files that were copied or linked would be younger
  // than their manifests, and a run would digest each of them before it believes them.
  for (const name of ['state', 'published', 'checked']) {
    rmSync(join(push, WORK, name), { recursive: true, force: true });
  }
  cpSync(join(push, STATE_BEFORE), join(push, WORK, 'state'), { recursive: true });
  rmSync(pull, { recursive: true, force: true });
  mkdirSync(pull);
  writeFileSync(join(push, 'pipeline.yaml'), pushPipeline(endpoint));
  writeFileSync(join(pull, 'pipeline.yaml'), pullPipeline(endpoint));
  return [push, pull].map((root) => `${process.execPath} ${ENTRY} -C ${root} --reporter silent`);
}
