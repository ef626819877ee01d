// How the rows of a query become staged files: one COPY, in one file or in one per partition value.
// DuckDB's own folder names cannot be trusted with data (NULL and a text share one, case does not
// count on every disk, 255 bytes are soon full), so files are first named by a token and only then
// by `partition.ts`; the counts and the smallest and largest id come from RETURN_STATS.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Column, Database, Row, Values } from './duckdb.ts';
import type { OutputOrder } from './executor.ts';
import { partitionNames } from './partition.ts';
import { quotedName, quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

/** One file that a COPY wrote. */
export interface WrittenFile {
  /** Absolute staged path. */
  readonly staged: string;
  /** Final path relative to the work folder. */
  readonly path: string;
  /** Undefined when the output is not partitioned. */
  readonly value: string | null | undefined;
  readonly rows: number;
  readonly minId: string | null;
  readonly maxId: string | null;
  /** Where it was taken while writing. */
  readonly sha256?: string;
}

export interface CopyRequest {
  readonly query: string;
  readonly values: Values;
  readonly output: OutputOrder;
  /** The staged file, or for a partitioned output the staged folder. */
  readonly staged: string;
}

/** Told what the next statement has before the user's query; undefined: it is not the user's. */
export type OnStatement = (head: string | undefined) => void;

// 8,192 rows keep hundreds of open partitions in bounds (855 -> 664 MB for 331 of them); a single
// file is 3 % smaller and read 1.5 times faster with 32,768, which still bounds wide text.
const PARTITIONED_ROW_GROUP = 8192;
const ROW_GROUP = 32_768;

/**
 * Runs the COPY. `onStatement` is told of every statement beforehand, so that a position in an
 * error can be translated. Throws DatabaseError, or TargetError for what the query's columns
 * do not allow.
 */
export async function copyQuery(
  database: Database,
  request: CopyRequest,
  onStatement: OnStatement = () => {},
): Promise<readonly WrittenFile[]> {
  const { partitionBy } = request.output;
  if (partitionBy !== undefined) return await copyPartitioned(database, request, onStatement);
  const { query, values, output, staged } = request;
  const head = 'COPY (';
  onStatement(head);
  const options =
    output.format === 'csv'
      ? 'FORMAT csv, HEADER true'
      : output.format === 'json'
        ? 'FORMAT json'
        : `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP}, RETURN_STATS true`;
  const rows = await database.rows(
    `${head}${query}\n) TO ${quotedText(staged)} (${options})`,
    values,
  );
  const stats = rows[0] ?? {};
  const count = Number(stats['count'] ?? stats['Count'] ?? 0);
  const { minId, maxId } = idRange(stats, output.idColumn);
  return [{ staged, path: output.path, value: undefined, rows: count, minId, maxId }];
}

async function copyPartitioned(
  database: Database,
  { query, values, output, staged }: CopyRequest,
  onStatement: OnStatement,
): Promise<readonly WrittenFile[]> {
  const partitionBy = output.partitionBy ?? '';
  if (output.format !== 'parquet' && output.format !== undefined) {
    throw targetError('sql-error', `partition_by needs format: parquet, not ${output.format}`);
  }
  onStatement('DESCRIBE ');
  const columns = await database.columns(query, values);
  const column = findColumn(columns, partitionBy);
  const token = freeName(columns);
  const openFiles = openFileLimit();
  const head = `COPY (SELECT *, ${tokenExpression(quotedName(column.name))} AS ${token} FROM (`;
  onStatement(undefined);
  await database.rows(`SET partitioned_write_max_open_files = ${openFiles}`);
  onStatement(head);
  const stats = await database.rows(
    `${head}${query}\n)) TO ${quotedText(staged)} (FORMAT parquet, COMPRESSION zstd, ` +
      `ROW_GROUP_SIZE ${PARTITIONED_ROW_GROUP}, PARTITION_BY (${token}), ` +
      `WRITE_PARTITION_COLUMNS false, FILENAME_PATTERN 'part_{i}', RETURN_STATS true)`,
    values,
  );
  onStatement(undefined);
  return await nameFiles(database, { stats, output, column, openFiles });
}

function findColumn(columns: readonly Column[], name: string): Column {
  const found =
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw targetError('sql-error', `The SELECT has no column "${name}" to partition by`, {
    hint: `its columns: ${columns.map((column) => column.name).join(', ')}`,
  });
}

/** A short column name that the query does not use: it becomes part of the folder names. */
function freeName(columns: readonly Column[]): string {
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  let name = 'p';
  while (taken.has(name)) name += '_';
  return name;
}

/**
 * `n` for NULL, `v` + the value where it is plain and short, else `h` + its sha256: distinct on
 * every disk. The pattern is cheaper than comparing with lower() and costs about 5 % of the COPY.
 */
function tokenExpression(column: string): string {
  const text = `CAST(${column} AS VARCHAR)`;
  return (
    `CASE WHEN ${column} IS NULL THEN 'n' ` +
    `WHEN regexp_full_match(${text}, '[a-z0-9._-]{1,60}') THEN 'v' || ${text} ` +
    `ELSE 'h' || sha256(${text}) END`
  );
}

interface NamingRequest {
  readonly stats: readonly Row[];
  readonly output: OutputOrder;
  readonly column: Column;
  readonly openFiles: number;
}

async function nameFiles(
  database: Database,
  { stats, output, column, openFiles }: NamingRequest,
): Promise<readonly WrittenFile[]> {
  const tokens = stats.map((row) => ({ row, token: tokenOf(row), file: String(row['filename']) }));
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length) {
    // DuckDB closes a partition's file and begins another when too many are open.
    throw targetError(
      'sql-error',
      `partition_by ${column.name} gives more values than files may be open (${openFiles})`,
      { hint: 'raise the limit of open files (ulimit -n), or partition by something coarser' },
    );
  }
  const hashed = tokens.filter(({ token }) => token.startsWith('h')).map(({ file }) => file);
  const trueValues = await readValues(database, { files: hashed, column });
  const valued = tokens.map((item) => ({
    ...item,
    value: item.token === 'n' ? null : (trueValues.get(item.file) ?? item.token.slice(1)),
  }));
  const names = partitionNames(valued.map(({ value }) => value));
  return valued.map(({ row, file, value }) => ({
    staged: file,
    path: output.path.replaceAll('{value}', names.get(value) ?? ''),
    value,
    rows: Number(row['count']),
    ...idRange(row, output.idColumn),
  }));
}

function tokenOf(row: Row): string {
  const [entry] = mapEntries(row['partition_keys']);
  if (entry === undefined) throw new Error('DuckDB returned a file without its partition key');
  return String(entry.value);
}

/** The values of partitions whose token is a digest, read back from the files themselves. */
async function readValues(
  database: Database,
  { files, column }: { readonly files: readonly string[]; readonly column: Column },
): Promise<ReadonlyMap<string, string>> {
  if (files.length === 0) return new Map();
  const rows = await database.rows(
    `SELECT filename, CAST(any_value(${quotedName(column.name)}) AS VARCHAR) AS value
     FROM read_parquet($files, filename = true, hive_partitioning = false) GROUP BY filename`,
    { files },
  );
  const values = new Map(rows.map((row) => [String(row['filename']), String(row['value'])]));
  for (const [file, value] of values) {
    if (!file.includes(hash('sha256', value))) {
      throw new Error('a partition holds another value than its token says');
    }
  }
  return values;
}

/** Statistics are per column and name columns in quotes. */
function idRange(
  row: Row,
  idColumn: string,
): { readonly minId: string | null; readonly maxId: string | null } {
  const column = mapEntries(row['column_statistics']).find(
    ({ key }) => key === quotedName(idColumn),
  );
  const statistics = mapEntries(column?.value);
  const of = (key: string): string | null => {
    const found = statistics.find((entry) => entry.key === key);
    return typeof found?.value === 'string' ? found.value : null;
  };
  return { minId: of('min'), maxId: of('max') };
}

/** DuckDB's MAP as the binding gives it: a list of `{key, value}`. */
function mapEntries(map: unknown): readonly { readonly key: string; readonly value: unknown }[] {
  if (!Array.isArray(map)) return [];
  return map.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return { key: '', value: undefined };
    return { key: String(Reflect.get(entry, 'key')), value: Reflect.get(entry, 'value') };
  });
}

/** Files that may be open besides those that the process needs for itself. */
function openFileLimit(): number {
  let limit = 8192;
  try {
    const line = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (line !== null) limit = Number(line[1]);
  } catch {
    // Not Linux: Node raises the limit to the hard one, which is rarely lower than this.
  }
  return Math.max(16, limit - 128);
}
