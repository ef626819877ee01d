// Turns a row log into a part: a folder with a Parquet file for each table, made durable, then
// renamed into place. Which rows a part has depends on the task alone, so its bytes are the same
// however often the task was interrupted on the way.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { copyQuery } from './copy.ts';
import type { Database } from './duckdb.ts';
import { makeDurable, type SizedFile } from './durability.ts';
import { digestFile } from './file-digest.ts';
import type { RowTable } from './row-block.ts';
import { makeRowFiles, readRowFile } from './row-file.ts';
import type { LogLength } from './row-log.ts';
import { DatabaseError } from './sql-error.ts';
import { targetError } from './target-error.ts';

/** A table's file in a part. */
export interface PartTable {
  /** In the part's folder. */
  readonly file: string;
  readonly rows: number;
  readonly minId: string | null;
  readonly maxId: string | null;
  /** Taken when it was written. */
  readonly sha256?: string;
}

/** By name of the table. */
export type Part = Readonly<Record<string, PartTable>>;

const RECORD = 'part.json';

/** The part in the folder; undefined when there is none. */
export function readPart(folder: string): Part | undefined {
  if (!existsSync(folder)) return undefined;
  return JSON.parse(readFileSync(join(folder, RECORD), 'utf8'));
}

export interface PartOrder {
  readonly log: string;
  readonly length: LogLength;
  readonly tables: readonly (RowTable & { readonly idColumn: string })[];
  /** Names of the tables that have a file in the part even without rows. */
  readonly opened: ReadonlySet<string>;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Makes the part unless it is there, as many tables at once as there are databases. Throws
 * `contract-broken` for a row that does not fit.
 */
export async function makePart(databases: readonly Database[], order: PartOrder): Promise<Part> {
  const { folder, tables, opened } = order;
  const known = readPart(folder);
  if (known !== undefined) return known;
  const plain = `${folder}.plain`;
  const unfinished = `${folder}.unfinished`;
  for (const path of [plain, unfinished]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  const plainPath = (table: number) => join(plain, `${table}.parquet`);
  const log = { path: order.log, length: order.length };
  const counts = await makeRowFiles(log, { tables, path: plainPath });
  const waiting = tables
    .map((table, index) => ({ table, rows: counts[index] ?? 0, path: plainPath(index) }))
    .filter(({ table, rows }) => rows > 0 || opened.has(table.name))
    .sort((a, b) => b.rows - a.rows);
  const made = new Map<string, { readonly table: PartTable; readonly file: SizedFile }>();
  const makeTables = async (database: Database) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      made.set(next.table.name, await makeTable(database, { ...next, ...order, unfinished }));
    }
  };
  await allEnded(databases.map(makeTables));
  const part: Record<string, PartTable> = {};
  const files: SizedFile[] = [];
  for (const { name } of tables) {
    const found = made.get(name);
    if (found === undefined) continue;
    part[name] = found.table;
    files.push(found.file);
  }
  writeFileSync(join(unfinished, RECORD), JSON.stringify(part));
  files.push({ path: join(unfinished, RECORD), bytes: 0 });
  await makeDurable(files, unfinished);
  renameSync(unfinished, folder);
  await syncFolder(join(folder, '..'));
  await rm(plain, { recursive: true });
  return part;
}

async function makeTable(
  database: Database,
  {
    table,
    rows,
    path,
    unfinished,
    signal,
  }: {
    readonly table: RowTable & { readonly idColumn: string };
    readonly rows: number;
    /** Of its plain file, which is gone after. */
    readonly path: string;
    readonly unfinished: string;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly table: PartTable; readonly file: SizedFile }> {
  const file = `${table.name}.parquet`;
  const staged = join(unfinished, file);
  const written = await copyRows(database, { query: readRowFile(path, table), table, staged });
  if (written.rows !== rows) {
    throw targetError('internal', `${rows} rows of "${table.name}" were read as ${written.rows}`);
  }
  await rm(path);
  const stat = statSync(staged);
  const sha256 = await digestFile(staged, { stat, signal });
  const { minId, maxId } = written;
  return {
    table: { file, rows, minId, maxId, sha256 },
    file: { path: staged, bytes: stat.size },
  };
}

/** Rejects as the first of them does, but not before all have ended. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

async function copyRows(
  database: Database,
  {
    query,
    table,
    staged,
  }: {
    readonly query: string;
    readonly table: RowTable & { readonly idColumn: string };
    readonly staged: string;
  },
) {
  const { name, idColumn } = table;
  const output = { name, path: '', glob: false, partitionBy: undefined, contract: undefined };
  try {
    const [written] = await copyQuery(database, {
      query,
      values: {},
      output: { ...output, idColumn, format: 'parquet' },
      staged,
    });
    if (written === undefined) throw new Error('COPY wrote no file');
    return written;
  } catch (error) {
    if (!(error instanceof DatabaseError) || !isMisfit(error)) throw error;
    const detail = error.fault.message.split('\n').slice(0, 3).join('\n');
    throw targetError('contract-broken', `A row of table("${name}") does not fit its contract`, {
      detail,
    });
  }
}

function isMisfit({ fault }: DatabaseError): boolean {
  return fault.type === 'Invalid Input' || fault.type === 'Conversion';
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
