// A partitioned output whose SELECT passes its Parquet files on as they are needs no database: the
// files are split column by column, which takes a quarter of the time of DuckDB's partitioned COPY
// (docs/decisions.md, "Splitting without values").
import { mkdirSync, rmSync } from 'node:fs';
import { UnsupportedParquet } from '../parquet/flat-file.ts';
import { type Part, splitParquet } from '../parquet/split.ts';
import type { CopyRequest, WrittenFile } from './copy.ts';
import type { Database } from './duckdb.ts';
import { partitionNames } from './partition.ts';
import { sqlMeaning } from './sql-meaning.ts';

const PASSED_ON = 'SELECT * FROM read_parquet($input, hive_partitioning = false)';

export interface SplitOptions {
  readonly signal: AbortSignal;
  /** Told the share of the rows that is read, 0 to 1. */
  readonly onShare: (share: number) => void;
}

/**
 * The files that the output consists of. Undefined when the query does more than to pass on its
 * input, or when the input is not what can be split this way: then nothing was left behind.
 */
export async function splitOutput(
  database: Database,
  { query, values, output, staged }: CopyRequest,
  { signal, onShare }: SplitOptions,
): Promise<readonly WrittenFile[] | undefined> {
  const { partitionBy, idColumn, format = 'parquet' } = output;
  const files = values['input'];
  if (partitionBy === undefined || format !== 'parquet' || !Array.isArray(files)) return undefined;
  if ((await sqlMeaning(database, query)) !== (await sqlMeaning(database, PASSED_ON))) {
    return undefined;
  }
  mkdirSync(staged);
  try {
    const parts = await splitParquet({
      files: files.map(String),
      column: partitionBy,
      idColumn,
      folder: staged,
      signal,
      onShare,
    });
    return named(parts, output.path);
  } catch (error) {
    if (!(error instanceof UnsupportedParquet)) throw error;
    // DuckDB can do it, or says better what is wrong with the input.
    rmSync(staged, { recursive: true });
    return undefined;
  }
}

function named(parts: readonly Part[], path: string): readonly WrittenFile[] {
  const names = partitionNames(parts.map(({ value }) => value));
  return parts.map(({ path: staged, value, rows, minId, maxId, sha256 }) => ({
    staged,
    path: path.replaceAll('{value}', names.get(value) ?? ''),
    value,
    rows,
    minId,
    maxId,
    sha256,
  }));
}
