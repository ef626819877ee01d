// Sums what manifests say of each partition value, for people. A manifest that is gone or damaged
// is counted and left out.
import { closeSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from './duckdb.ts';
import { DatabaseError } from './sql-error.ts';

export interface PartitionValue {
  /** Null is the value NULL. */
  readonly value: string | null;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface ValueSums {
  /** In no order. */
  readonly values: readonly PartitionValue[];
  /** Manifests that are gone or cannot be read. */
  readonly unread: number;
}

export interface ManifestList {
  /** Absolute; the manifests are relative to it. */
  readonly work: string;
  /** The partitioned output of which they list files, among others. */
  readonly output: string;
  readonly manifests: readonly string[];
}

/** Manifests read by one statement: enough that starting it does not count, few open files. */
const AT_ONCE = 256;

/** Opens DuckDB for the lists, and closes it again. */
export async function sumPartitionValues(
  lists: readonly ManifestList[],
): Promise<readonly ValueSums[]> {
  const { openDatabase } = await import('./duckdb.ts');
  const database = await openDatabase({ memoryBytes: 0, temporaryFolder: tmpdir(), root: '' });
  try {
    const sums: ValueSums[] = [];
    for (const list of lists) sums.push(await sumValues(list, database));
    return sums;
  } finally {
    database.close();
  }
}

async function sumValues(
  { work, output, manifests }: ManifestList,
  database: Database,
): Promise<ValueSums> {
  const sums = new Map<string | null, { files: number; rows: number; bytes: number }>();
  const add = ({ value, files, rows, bytes }: PartitionValue) => {
    const sum = sums.get(value) ?? { files: 0, rows: 0, bytes: 0 };
    sums.set(value, sum);
    sum.files += files;
    sum.rows += rows;
    sum.bytes += bytes;
  };
  const present = manifests.map((path) => join(work, path)).filter(looksLikeParquet);
  let unread = manifests.length - present.length;
  for (let at = 0; at < present.length; at += AT_ONCE) {
    const some = present.slice(at, at + AT_ONCE);
    const together = await sumSome(database, { paths: some, output });
    if (together !== undefined) {
      for (const value of together) add(value);
      continue;
    }
    for (const path of some) {
      const alone = await sumSome(database, { paths: [path], output });
      for (const value of alone ?? []) add(value);
      if (alone === undefined) unread += 1;
    }
  }
  return { values: [...sums].map(([value, sum]) => ({ value, ...sum })), unread };
}

/** Undefined when one of them cannot be read. */
async function sumSome(
  database: Database,
  { paths, output }: { readonly paths: readonly string[]; readonly output: string },
): Promise<readonly PartitionValue[] | undefined> {
  try {
    const rows = await database.rows(
      `SELECT value, count(*) AS files, coalesce(sum(rows), 0)::BIGINT AS rows,
         sum(bytes)::BIGINT AS bytes
       FROM read_parquet($paths::VARCHAR[]) WHERE output = $output GROUP BY value`,
      { paths: [...paths], output },
    );
    return rows.map(({ value, files, rows, bytes }) => ({
      value: typeof value === 'string' ? value : null,
      files: Number(files),
      rows: Number(rows),
      bytes: Number(bytes),
    }));
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.isInterrupt) throw error;
    return undefined;
  }
}

/** A file is tried alone only where one that looks well is not: each statement costs its time. */
function looksLikeParquet(path: string): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const head = Buffer.alloc(4);
    readSync(file, head, 0, 4, 0);
    return head.toString('latin1') === 'PAR1';
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
