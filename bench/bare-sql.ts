// The statements of process and partition one after the other in one process: no state, no digests,
// no manifests, nothing made durable.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyQuery } from '../src/executor/copy.ts';
import { openDatabase } from '../src/executor/duckdb.ts';
import type { OutputOrder } from '../src/executor/executor.ts';
import { splitStatements } from '../src/executor/sql-text.ts';
import { splitParquet } from '../src/parquet/split.ts';

const [file = '', folder = ''] = process.argv.slice(2);
const TASKS = join(import.meta.dirname, '../tasks');
const SPLIT_BY = {
  labels: 'language',
  descriptions: 'language',
  aliases: 'language',
  links: 'site',
  claims: 'language',
} as const;

for (const [table, column] of Object.entries(SPLIT_BY)) {
  const parts = join(folder, table);
  mkdirSync(parts, { recursive: true });
  const staged = join(folder, `${table}.parquet`);
  const database = await openDatabase({
    memoryBytes: 0,
    temporaryFolder: join(folder, 'spill'),
    root: '/',
  });
  const statements = splitStatements(readFileSync(join(TASKS, `${table}.sql`), 'utf8'));
  const query = statements.at(-1)?.text ?? '';
  const values = { input: [file] };
  for (const { text } of statements.slice(0, -1)) await database.rows(text, values);
  const output: OutputOrder = {
    name: 'output',
    path: `${table}.parquet`,
    glob: false,
    format: 'parquet',
    partitionBy: undefined,
    idColumn: 'id',
    contract: undefined,
  };
  await copyQuery(database, { query, values, output, staged });
  database.close();
  const { signal } = new AbortController();
  await splitParquet({ files: [staged], column, idColumn: 'id', folder: parts, signal });
}
