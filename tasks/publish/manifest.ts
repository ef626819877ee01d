// The manifest of a publication: a Parquet file with a row for each file that a group has in a
// dataset. It is committed beside the data, so that anyone can see what belongs to the group, and
// whoever publishes again knows what was there.
import type { Sql } from '../../src/task.ts';

export interface PublishedFile {
  /** Path in the dataset. */
  readonly path: string;
  readonly value: string | null;
  readonly bytes: number;
  readonly rows: number | null;
  readonly minId: string | null;
  readonly maxId: string | null;
  readonly sha256: string;
  /**
   * The target that made it, its output, and where it lay; null where nobody said, as in a manifest
   * of an older version, which has no such columns.
   */
  readonly producer: string | null;
  readonly output: string | null;
  readonly workPath: string | null;
}

/** What a publication is known by, beside its manifest. */
export interface PublicationRecord {
  readonly hub: string;
  readonly dataset: string;
  /** The commit that has all of it. */
  readonly commit: string;
  readonly manifest: { readonly path: string; readonly sha256: string };
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  /** Source files that were left out, each with the reason. */
  readonly excluded: Readonly<Record<string, string>>;
}

export async function writeManifest(
  sql: Sql,
  {
    files,
    excluded,
    to,
  }: {
    files: readonly PublishedFile[];
    excluded: Readonly<Record<string, string>>;
    to: string;
  },
): Promise<void> {
  // Only where there is something to say: the manifest of a whole group is what it always was.
  const isWhole = Object.keys(excluded).length === 0;
  const metadata = isWhole ? '' : `, kv_metadata {excluded: ${quoted(JSON.stringify(excluded))}}`;
  const column = (name: keyof PublishedFile) => files.map((file) => file[name]);
  await sql.run(
    `copy (
       select * from (
         select unnest($path::varchar[]) as path, unnest($value::varchar[]) as value,
           unnest($bytes::bigint[]) as bytes, unnest($rows::bigint[]) as rows,
           unnest($min_id::varchar[]) as min_id, unnest($max_id::varchar[]) as max_id,
           unnest($sha256::varchar[]) as sha256, unnest($producer::varchar[]) as producer,
           unnest($output::varchar[]) as output, unnest($work_path::varchar[]) as work_path)
       order by path
     ) to ${quoted(to)} (format parquet, compression zstd${metadata})`,
    {
      path: column('path'),
      value: column('value'),
      bytes: column('bytes'),
      rows: column('rows'),
      min_id: column('minId'),
      max_id: column('maxId'),
      sha256: column('sha256'),
      producer: column('producer'),
      output: column('output'),
      work_path: column('workPath'),
    },
  );
}

export async function readManifest(sql: Sql, path: string): Promise<readonly PublishedFile[]> {
  const rows = await sql.rows('select * from read_parquet($path) order by path', { path });
  return rows.map((row) => ({
    path: String(row['path']),
    value: textOf(row['value']),
    bytes: Number(row['bytes']),
    rows: row['rows'] === null ? null : Number(row['rows']),
    minId: textOf(row['min_id']),
    maxId: textOf(row['max_id']),
    sha256: String(row['sha256']),
    producer: textOf(row['producer']),
    output: textOf(row['output']),
    workPath: textOf(row['work_path']),
  }));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
