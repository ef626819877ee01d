// The tables and rejects that a task writes row by row. Rows lie in a row log until a part of them
// is complete; then they are turned into Parquet while the task goes on, and staged when it is done.
//
//   append --> RowBuffer --> log of this part --cut--> (Parquet in the background) --> part folder
//                                 `--save--> checkpoint
import { copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Reject, TableWriter } from '../task.ts';
import { loadContract } from './contract.ts';
import { copyQuery, type WrittenFile } from './copy.ts';
import type { Database } from './duckdb.ts';
import type { OutputOrder, SavedRows } from './executor.ts';
import { REJECTS } from './manifest.ts';
import { MAX_REJECT_TEXT, writeRejects } from './rejects.ts';
import { type Row, type RowBlock, RowBuffer, type RowTable } from './row-block.ts';
import { holdsLog, type LogLength, RowLog } from './row-log.ts';
import { makePart, type Part, type PartTable, readPart } from './row-part.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

/** Beyond the budget so many more rejects are collected to look at; then the task is ended. */
const REJECTS_TO_LOOK_AT = 100;
const BUFFERED_BYTES = 256 * 1024;

const REJECT_TABLE: RowTable = {
  name: REJECTS,
  columns: ['id', 'error', 'text'].map((name) => ({ name, type: 'VARCHAR' })),
};

export class TaskTables {
  /** Every output that has a contract, in the order of the outputs, and the rejects. */
  readonly tables: readonly RowTable[];
  readonly #attempt: Attempt;
  readonly #folder: string;
  readonly #rows: Map<string, number>;
  readonly #buffer: RowBuffer;
  #part: number;
  #log: RowLog | undefined;
  /** The part before this one: how long its log was, and its way into Parquet. */
  #before: { readonly length: LogLength; readonly made: Promise<Part> } | undefined;

  private constructor(
    attempt: Attempt,
    parts: { readonly tables: readonly RowTable[]; readonly saved: SavedRows | undefined },
  ) {
    const { tables, saved } = parts;
    this.tables = tables;
    this.#attempt = attempt;
    this.#folder = join(attempt.order.scratch, 'rows');
    this.#rows = new Map(Object.entries(saved?.rows ?? {}));
    this.#buffer = new RowBuffer(tables);
    this.#part = saved?.part ?? 0;
  }

  /** Undefined when not all of the saved rows are there any more. */
  static async resume(attempt: Attempt, saved: SavedRows): Promise<TaskTables | undefined> {
    const tables = await rowTables(attempt);
    const found = new TaskTables(attempt, { tables, saved });
    return (await found.#reopen(saved)) ? found : undefined;
  }

  /** Without any rows, whatever an earlier attempt left. */
  static async begin(attempt: Attempt): Promise<TaskTables> {
    const tables = new TaskTables(attempt, { tables: await rowTables(attempt), saved: undefined });
    rmSync(tables.#folder, { recursive: true, force: true });
    return tables;
  }

  get rowCount(): number {
    let sum = 0;
    for (const [name, rows] of this.#rows) if (name !== REJECTS) sum += rows;
    return sum;
  }

  async table(name: string): Promise<TableWriter> {
    const table = this.#indexOf(name);
    this.#count(name, 0);
    const rowCount = () => this.#rows.get(name) ?? 0;
    return {
      append: async (rows: readonly Row[]) => {
        for (const row of rows) await this.#add(table, row);
      },
      get rowCount() {
        return rowCount();
      },
    };
  }

  async reject(reject: Reject): Promise<void> {
    await this.#add(this.tables.length - 1, rejectRow(reject));
    await this.#checkBudget();
  }

  /** Rows that a thread has made into blocks of these tables. */
  async appendBlocks(blocks: readonly RowBlock[]): Promise<void> {
    await this.#flush();
    for (const { table, rows } of blocks) this.#count(this.tables[table]?.name ?? '', rows);
    await (await this.#openLog()).add(blocks);
    await this.#checkBudget();
  }

  /** Makes all rows durable. Rejects when the disk refuses; nothing is lost by that. */
  async save(): Promise<SavedRows> {
    await this.#flush();
    const log = await (await this.#openLog()).save();
    const rows = Object.fromEntries(this.#rows);
    const before = this.#before === undefined ? {} : { before: this.#before.length };
    return { part: this.#part, log, ...before, rows };
  }

  /** Ends the part. At most one is on its way into Parquet while the next is appended to. */
  async cut(): Promise<void> {
    await this.#cut([await this.#attempt.database()]);
  }

  /** Stages every table and the rejects. Throws `contract-broken`, `too-many-rejects`. */
  async finish(): Promise<Pick<RuleResult, 'written' | 'rejects' | 'rejectsFile'>> {
    await this.#flush();
    await this.#before?.made;
    const log = this.#log;
    // A part that was cut right at the end leaves none behind it.
    if (log !== undefined && (!log.isEmpty || this.#part === 0)) {
      await this.#cutLast();
    }
    await this.#log?.close();
    return this.#rows.size === 0
      ? { written: new Map(), rejects: 0, rejectsFile: undefined }
      : await this.#stage();
  }

  /** With nothing else left to do, on two cores. */
  async #cutLast(): Promise<void> {
    const database = await this.#attempt.database();
    const other = await database.connect();
    try {
      await this.#cut([database, other]);
      await this.#before?.made;
    } finally {
      other.close();
    }
  }

  async #cut(databases: readonly Database[]): Promise<void> {
    await this.#flush();
    await this.#before?.made;
    const log = await this.#openLog();
    const length = await log.save();
    await log.close();
    this.#log = undefined;
    this.#makeBefore(databases, { part: this.#part, length });
    this.#part += 1;
  }

  async #reopen({ part, log, before, rows }: SavedRows): Promise<boolean> {
    if (Object.keys(rows).some((name) => !this.tables.some((table) => table.name === name))) {
      return false;
    }
    for (let earlier = 0; earlier < part; earlier += 1) {
      if (readPart(this.#partFolder(earlier)) !== undefined) continue;
      const isInLog = earlier === part - 1 && before !== undefined;
      if (!isInLog || !holdsLog(this.#logPath(earlier), before)) return false;
    }
    if (!holdsLog(this.#logPath(part), log)) return false;
    // Made after the checkpoint, from rows that are about to be appended once more.
    for (const later of [part, part + 1]) {
      rmSync(this.#partFolder(later), { recursive: true, force: true });
    }
    this.#log = await RowLog.open(this.#logPath(part), log);
    if (before !== undefined) {
      this.#makeBefore([await this.#attempt.database()], { part: part - 1, length: before });
    }
    return true;
  }

  /** In the background; whoever needs the part next hears of its failure. */
  #makeBefore(
    databases: readonly Database[],
    { part, length }: { readonly part: number; readonly length: LogLength },
  ): void {
    const make = async () => {
      const made = await makePart(databases, {
        log: this.#logPath(part),
        length,
        tables: this.tables.map((table) => ({ ...table, idColumn: this.#idColumn(table) })),
        opened: new Set(this.#rows.keys()),
        folder: this.#partFolder(part),
        signal: this.#attempt.control.signal,
      });
      await rm(this.#logPath(part), { force: true });
      return made;
    };
    const made = make();
    made.catch(() => {});
    this.#before = { length, made };
  }

  async #add(table: number, row: Row): Promise<void> {
    this.#buffer.add(table, row);
    this.#count(this.tables[table]?.name ?? '', 1);
    if (this.#buffer.bytes >= BUFFERED_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const blocks = this.#buffer.take();
    if (blocks.length > 0) await (await this.#openLog()).add(blocks);
  }

  #count(name: string, rows: number): void {
    this.#rows.set(name, (this.#rows.get(name) ?? 0) + rows);
  }

  async #openLog(): Promise<RowLog> {
    if (this.#log !== undefined) return this.#log;
    mkdirSync(this.#folder, { recursive: true });
    this.#log = await RowLog.open(this.#logPath(this.#part), undefined);
    return this.#log;
  }

  async #checkBudget(): Promise<void> {
    const rejects = this.#rows.get(REJECTS) ?? 0;
    if (rejects > this.#attempt.order.maxRejects + REJECTS_TO_LOOK_AT) await this.finish();
  }

  #indexOf(name: string): number {
    const index = this.tables.findIndex((table) => table.name === name);
    if (index >= 0 && name !== REJECTS) return index;
    const { outputs } = this.#attempt.order;
    if (outputs.some((output) => output.name === name)) {
      throw targetError('task-error', `table("${name}") needs the columns of a contract`, {
        hint: `give the output "${name}" a contract in the pipeline file`,
      });
    }
    throw targetError('task-error', `table("${name}"): there is no such output`, {
      hint: `outputs: ${outputs.map((output) => output.name).join(', ')}`,
    });
  }

  #idColumn({ name }: RowTable): string {
    return this.#attempt.order.outputs.find((output) => output.name === name)?.idColumn ?? 'id';
  }

  async #stage(): Promise<Pick<RuleResult, 'written' | 'rejects' | 'rejectsFile'>> {
    const parts: Part[] = [];
    for (let part = 0; part < this.#part; part += 1) {
      const made = readPart(this.#partFolder(part));
      if (made === undefined) throw new Error(`part ${part} is not there`);
      parts.push(made);
    }
    const written = new Map<string, readonly WrittenFile[]>();
    for (const output of this.#attempt.order.outputs) {
      const files = this.#filesOf(output.name, parts);
      if (files.length > 0) written.set(output.name, await this.#stageOutput(output, files));
    }
    const rejected = this.#filesOf(REJECTS, parts).filter(({ table }) => table.rows > 0);
    if (rejected.length === 0) return { written, rejects: 0, rejectsFile: undefined };
    return { written, ...(await writeRejects(this.#attempt, readAll(rejected))) };
  }

  #filesOf(name: string, parts: readonly Part[]): readonly PartFile[] {
    return parts.flatMap((part, number) => {
      const table = part[name];
      const folder = this.#partFolder(number);
      return table === undefined ? [] : [{ number, table, path: join(folder, table.file) }];
    });
  }

  async #stageOutput(
    output: OutputOrder,
    files: readonly PartFile[],
  ): Promise<readonly WrittenFile[]> {
    const staged = this.#attempt.stagedPaths.get(output.name) ?? '';
    if (output.glob) {
      return files.map(({ number, table, path }) => {
        const name = partName(output, number);
        const place = join(staged, posix.basename(name));
        link(path, place);
        return { ...table, staged: place, path: name, value: undefined };
      });
    }
    const [only] = files;
    const isAsWanted = output.partitionBy === undefined && output.format === 'parquet';
    if (only !== undefined && files.length === 1 && isAsWanted) {
      link(only.path, staged);
      return [{ ...only.table, staged, path: output.path, value: undefined }];
    }
    const query = readAll(files);
    return await copyQuery(await this.#attempt.database(), { query, values: {}, output, staged });
  }

  #logPath(part: number): string {
    return join(this.#folder, `${digits(part)}.log`);
  }

  #partFolder(part: number): string {
    return join(this.#folder, digits(part));
  }
}

interface PartFile {
  readonly number: number;
  readonly table: PartTable;
  readonly path: string;
}

export function rejectRow({ id, error, text }: Reject): Row {
  const kept = text?.slice(0, MAX_REJECT_TEXT).toWellFormed() ?? null;
  return { id, error: error.toWellFormed(), text: kept };
}

async function rowTables({ order }: Attempt): Promise<readonly RowTable[]> {
  const tables: RowTable[] = [];
  for (const { name, contract } of order.outputs) {
    if (contract !== undefined) tables.push({ name, columns: await loadContract(contract) });
  }
  return [...tables, REJECT_TABLE];
}

function partName({ name, path }: OutputOrder, part: number): string {
  const stars = path.split('*').length - 1;
  if (stars === 1 && posix.basename(path).includes('*')) return path.replace('*', digits(part));
  throw targetError('task-error', `table("${name}") cannot name its files after ${path}`, {
    hint: 'write one * for the number of the part, in the name of the file',
  });
}

function readAll(files: readonly PartFile[]): string {
  const paths = files.map(({ path }) => quotedText(path)).join(', ');
  return `SELECT * FROM read_parquet([${paths}], hive_partitioning = false)`;
}

/** The part stays where it is until the target is published, in case that is cut short. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // A disk without hard links.
  }
}

function digits(part: number): string {
  return String(part).padStart(5, '0');
}
