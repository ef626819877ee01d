// Source files of real size for the measurements, made by the task that makes the sample: an
// invented pool of words with the statistics of the real rows.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../src/executor/duckdb.ts';
import type { Sql, TaskContext } from '../src/task.ts';
import sample, { type SampleOptions } from '../tasks/sample.ts';

/**
 * The mean file of the dataset, one such as the first of chunk_0, and one as dense as the largest
 * real file: entities, and statements of one.
 */
export const WIKIDATA_FILES = {
  mean: { entities: 2000, claims: 20 },
  mid: { entities: 1818, claims: 49 },
  dense: { entities: 1818, claims: 82 },
} as const;

export type WikidataFile = keyof typeof WIKIDATA_FILES;

/** What all have in common: the pool, and labels of an entity and of what its claims speak of. */
const POOL = {
  seed: 1,
  languages: 297,
  labels: 88,
  entity_labels: 100,
  properties: 2600,
  items: 40_000,
  row_group: 1000,
  compression: 'snappy',
} as const;

/**
 * Makes `FOLDER/NAME/data/chunk_0-*.parquet`, `files` of them, unless they are there, and gives
 * `FOLDER/NAME`: a folder as the pipeline's `sample_dir` wants it.
 */
export async function makeWikidataFiles(
  name: WikidataFile,
  {
    folder,
    files,
    rowGroup = POOL.row_group,
  }: { readonly folder: string; readonly files: number; readonly rowGroup?: number },
): Promise<string> {
  const made = join(folder, `${name}-${files}`);
  if (existsSync(made)) return made;
  const partial = `${made}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(join(partial, 'data'), { recursive: true });
  const options: SampleOptions = {
    ...POOL,
    ...WIKIDATA_FILES[name],
    row_group: rowGroup,
    files: [files],
  };
  const database = await openDatabase({
    memoryBytes: 0,
    temporaryFolder: join(partial, 'spill'),
    root: partial,
  });
  const sql: Sql = {
    run: async (statement, values) => {
      await database.rows(statement, values);
    },
    rows: (statement, values) => database.rows(statement, values),
  };
  const context: Partial<TaskContext<SampleOptions>> = {
    with: options,
    outputs: { output: { path: join(partial, 'data') } },
    scratch: partial,
    signal: new AbortController().signal,
    progress: () => {},
    sql: async () => sql,
  };
  await sample.run(context as TaskContext<SampleOptions>);
  database.close();
  renameSync(partial, made);
  return made;
}
