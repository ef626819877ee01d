// Manifests: the Parquet file that lists what a target made, `output, path, value, bytes, rows,
// min_id, max_id, sha256`, ordered by path. Written and read through DuckDB; same rows, same bytes.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../trace.ts';
import type { Database } from './duckdb.ts';
import type { InputOrder } from './executor.ts';
import { digestFile } from './file-digest.ts';
import { DatabaseError } from './sql-error.ts';
import { quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

export interface ManifestRow {
  readonly output: string;
  /** Relative to the work folder. */
  readonly path: string;
  /** Partition value; null for none, and for the value NULL. */
  readonly value: string | null;
  readonly bytes: number;
  readonly rows: number | null;
  readonly minId: string | null;
  readonly maxId: string | null;
  readonly sha256: string;
}

/** The output name under which rejects are listed; they are no input of anything. */
export const REJECTS = 'rejects';

async function writeManifest(
  database: Database,
  { rows, path }: { readonly rows: readonly ManifestRow[]; readonly path: string },
): Promise<void> {
  const column = <K extends keyof ManifestRow>(key: K) => rows.map((row) => row[key]);
  await database.rows(
    `COPY (
       SELECT * FROM (
         SELECT unnest($output::VARCHAR[]) AS output, unnest($path::VARCHAR[]) AS path,
           unnest($value::VARCHAR[]) AS value, unnest($bytes::BIGINT[]) AS bytes,
           unnest($rows::BIGINT[]) AS rows, unnest($min_id::VARCHAR[]) AS min_id,
           unnest($max_id::VARCHAR[]) AS max_id, unnest($sha256::VARCHAR[]) AS sha256)
       ORDER BY path
     ) TO ${quotedText(path)} (FORMAT parquet, COMPRESSION zstd)`,
    {
      output: column('output'),
      path: column('path'),
      value: column('value'),
      bytes: column('bytes'),
      rows: column('rows'),
      min_id: column('minId'),
      max_id: column('maxId'),
      sha256: column('sha256'),
    },
  );
}

/** Writes a manifest to `staged` and gives its record, in which it lies at `path`. */
export async function stageManifest(
  database: Database,
  {
    rows,
    staged,
    path,
    signal,
  }: {
    readonly rows: readonly ManifestRow[];
    readonly staged: string;
    readonly path: string;
    readonly signal: AbortSignal;
  },
): Promise<Manifest> {
  await writeManifest(database, { rows, path: staged });
  const stat = statSync(staged);
  const sum = (of: (row: ManifestRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    path,
    bytes: stat.size,
    mtimeMs: stat.mtimeMs,
    sha256: await digestFile(staged, { stat, signal }),
    files: rows.filter((row) => row.output !== REJECTS).length,
    totalBytes: sum((row) => row.bytes),
    totalRows: sum((row) => (row.output === REJECTS ? 0 : (row.rows ?? 0))),
  };
}

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number | undefined;
  readonly value: string | null;
  readonly minId: string | null;
  readonly maxId: string | null;
}

/** The files of some manifests in their order, without rejects. Throws `input-missing`. */
export async function readManifests(
  database: Database,
  { manifests, work }: { readonly manifests: InputOrder['manifests']; readonly work: string },
): Promise<readonly MadeFile[]> {
  for (const { path: manifest, producer } of manifests) {
    if (existsSync(manifest)) continue;
    throw targetError('input-missing', `The manifest ${manifest} is gone`, {
      hint: 'run again: the target that made it is then made again',
      blamed: [producer],
    });
  }
  const files: MadeFile[] = [];
  for (let start = 0; start < manifests.length; start += MANIFESTS_AT_ONCE) {
    const some = manifests.slice(start, start + MANIFESTS_AT_ONCE);
    const rows = await readRows(
      database,
      some.map(({ path }) => path),
    );
    for (const { manifest, file } of rows) {
      const source = some[manifest];
      if (source === undefined || file.output === REJECTS) continue;
      const { producer, released } = source;
      const workPath = file.path;
      files.push({ ...file, workPath, path: join(work, workPath), producer, released });
    }
  }
  return files;
}

/** A statement costs as much as reading several: a group may have hundreds of manifests. */
const MANIFESTS_AT_ONCE = 256;

/** A listed file with the target that made it. */
export type MadeFile = ListedFile & {
  readonly output: string;
  readonly workPath: string;
  readonly producer: string;
  readonly released: boolean;
};

/** All files that one manifest lists, rejects included, by their relative paths. */
export async function readRecordedFiles(
  database: Database,
  manifest: string,
): Promise<readonly (ListedFile & { readonly output: string })[]> {
  return (await readRows(database, [manifest])).map(({ file }) => file);
}

/** Relative paths that old manifests list, rejects included. One that cannot be read lists none. */
export async function pathsOfOldManifests(
  database: Database,
  manifests: readonly string[],
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const manifest of manifests) {
    try {
      for (const { file } of await readRows(database, [manifest])) paths.push(file.path);
    } catch (error) {
      // A damaged list must not keep its target from being made again; its files become orphans.
      if (!(error instanceof DatabaseError) || error.isInterrupt) throw error;
    }
  }
  return paths;
}

interface ReadRow {
  /** Index of the manifest that lists it. */
  readonly manifest: number;
  readonly file: ListedFile & { readonly output: string };
}

/** In the order of the manifests, and in each of them in its own. */
async function readRows(
  database: Database,
  manifests: readonly string[],
): Promise<readonly ReadRow[]> {
  const rows = await database.rows(
    `SELECT *, file_index
     FROM read_parquet($manifests, file_row_number = true, hive_partitioning = false)
     ORDER BY file_index, file_row_number`,
    { manifests },
  );
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return rows.map((row) => ({
    manifest: Number(row['file_index']),
    file: {
      output: String(row['output']),
      path: String(row['path']),
      bytes: Number(row['bytes']),
      sha256: String(row['sha256']),
      rows: row['rows'] === null ? undefined : Number(row['rows']),
      value: text(row['value']),
      minId: text(row['min_id']),
      maxId: text(row['max_id']),
    },
  }));
}
