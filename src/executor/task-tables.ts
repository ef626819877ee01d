// The tables and rejects that a task writes row by row. Rows lie in a row log until a part of them
// is complete; then they are turned into Parquet while the task goes on, and staged when it is done.
//
//   append --> RowBuffer --> log of this part --cut--> (Parquet in the background) --> part folder
//                                 `--save--> checkpoint
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reject, TableWriter } from '../task.ts';
import { loadContract } from './contract.ts';
import type { Database } from './duckdb.ts';
import type { SavedRows } from './executor.ts';
import { REJECTS } from './manifest.ts';
import { type MadePart, partDigits, stageParts } from './part-stage.ts';
import { MAX_REJECT_TEXT } from './rejects.ts';
import { type Row, type RowBlock, RowBuffer, type RowTable } from './row-block.ts';
import { holdsLog, type LogLength, RowLog } from './row-log.ts';
import { makePart, type Part, readPart } from './row-part.ts';
import type { Attempt, RuleResult } from './rule.ts';
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
  /** Parts that are made and still have their log: no durable checkpoint lies behind them. */
  readonly #logsOfMade: number[] = [];
  /** The part of the last durable checkpoint. */
  #durablePart: number;
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
    this.#durablePart = this.#part;
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

  /** Told that a checkpoint with these rows is durable: earlier parts are not gone back to. */
  async saved({ part }: SavedRows): Promise<void> {
    this.#durablePart = part;
    await this.#dropLogs();
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
      : await stageParts(this.#attempt, this.#madeParts());
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
    for (const name of readdirSync(this.#folder)) {
      const isLater = !name.endsWith('.log') && Number.parseInt(name, 10) >= part;
      if (isLater) rmSync(join(this.#folder, name), { recursive: true });
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
      this.#logsOfMade.push(part);
      await this.#dropLogs();
      return made;
    };
    const made = make();
    made.catch(() => {});
    this.#before = { length, made };
  }

  /** A log may go when its part is made and no run will begin before that part's end again. */
  async #dropLogs(): Promise<void> {
    const { length } = this.#logsOfMade;
    for (const part of this.#logsOfMade.splice(0, length)) {
      if (part < this.#durablePart) await rm(this.#logPath(part), { force: true });
      else this.#logsOfMade.push(part);
    }
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

  #madeParts(): readonly MadePart[] {
    return Array.from({ length: this.#part }, (_, number) => {
      const folder = this.#partFolder(number);
      const part = readPart(folder);
      if (part === undefined) throw new Error(`part ${number} is not there`);
      return { part, folder };
    });
  }

  #logPath(part: number): string {
    return join(this.#folder, `${partDigits(part)}.log`);
  }

  #partFolder(part: number): string {
    return join(this.#folder, partDigits(part));
  }
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
