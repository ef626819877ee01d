// The tables and rejects that a task writes row by row: kept in row logs until the task is done,
// then turned into Parquet by DuckDB with the columns of the output's contract.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Reject, TableWriter } from '../task.ts';
import { loadContract } from './contract.ts';
import { copyQuery, type WrittenFile } from './copy.ts';
import type { Column } from './duckdb.ts';
import type { CheckpointRecord } from './executor.ts';
import { REJECTS } from './manifest.ts';
import { MAX_REJECT_TEXT, writeRejects } from './rejects.ts';
import { holdsCheckpoint, RowLog, type RowLogLength } from './row-log.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { DatabaseError } from './sql-error.ts';
import { quotedName, quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

/** Beyond the budget so many more rejects are collected to look at; then the task is ended. */
const REJECTS_TO_LOOK_AT = 100;
/** DuckDB's limit for one JSON line unless told otherwise. */
const LONG_LINE = 8 * 1024 * 1024;

const REJECT_COLUMNS: readonly Column[] = ['id', 'error', 'text'].map((name) => ({
  name,
  type: 'VARCHAR',
}));

type Rows = readonly Readonly<Record<string, unknown>>[];

export class TaskTables {
  readonly #attempt: Attempt;
  readonly #logs = new Map<string, RowLog>();
  readonly #writers = new Map<string, Promise<TableWriter>>();
  readonly #resumed: CheckpointRecord | undefined;

  private constructor(attempt: Attempt, resumed: CheckpointRecord | undefined) {
    this.#attempt = attempt;
    this.#resumed = resumed;
  }

  /**
   * Opens the logs as the checkpoint left them. Without a log that the checkpoint counts on there
   * is no checkpoint: the task begins anew.
   */
  static async open(
    attempt: Attempt,
  ): Promise<{ tables: TaskTables; resumed: CheckpointRecord | undefined }> {
    const { resume } = attempt.order;
    const logs = Object.entries(resume?.rowLogs ?? {});
    const path = (name: string) => logPath(attempt, name);
    const isWhole = logs.every(([name, length]) => holdsCheckpoint(path(name), length));
    if (!isWhole) attempt.log.line('the rows of the last checkpoint are gone: starting anew');
    const resumed = isWhole ? resume : undefined;
    const tables = new TaskTables(attempt, resumed);
    if (resumed !== undefined) for (const [name] of logs) await tables.#log(name);
    return { tables, resumed };
  }

  table(output: string): Promise<TableWriter> {
    const known = this.#writers.get(output);
    if (known !== undefined) return known;
    const writer = this.#openWriter(output);
    this.#writers.set(output, writer);
    return writer;
  }

  async reject({ id, error, text }: Reject): Promise<void> {
    const log = await this.#log(REJECTS);
    const kept = text?.slice(0, MAX_REJECT_TEXT).toWellFormed() ?? null;
    await log.add(JSON.stringify({ id, error: error.toWellFormed(), text: kept }));
    if (log.rowCount > this.#attempt.order.maxRejects + REJECTS_TO_LOOK_AT) await this.#rejects();
  }

  /** Makes all rows durable and says how long each log is. */
  async save(): Promise<Readonly<Record<string, RowLogLength>>> {
    const lengths: Record<string, RowLogLength> = {};
    for (const [name, log] of this.#logs) lengths[name] = await log.save();
    return lengths;
  }

  /** Stages every table and the rejects. Throws `contract-broken`, `too-many-rejects`. */
  async finish(): Promise<Pick<RuleResult, 'written' | 'rejects' | 'rejectsFile'>> {
    const written = new Map<string, readonly WrittenFile[]>();
    for (const [name, log] of this.#logs) {
      if (name === REJECTS) continue;
      await log.close();
      written.set(name, await this.#stage(name, log));
    }
    const rejects = this.#logs.has(REJECTS)
      ? await this.#rejects()
      : { rejects: 0, rejectsFile: undefined };
    return { written, ...rejects };
  }

  async #rejects(): Promise<Pick<RuleResult, 'rejects' | 'rejectsFile'>> {
    const log = await this.#log(REJECTS);
    await log.close();
    return await writeRejects(this.#attempt, readLog(log, REJECT_COLUMNS));
  }

  async #openWriter(name: string): Promise<TableWriter> {
    const columns = await this.#columns(name);
    const log = await this.#log(name);
    const toJson = rowEncoder(name, columns);
    return {
      append: async (rows: Rows) => {
        for (const row of rows) await log.add(toJson(row));
      },
      get rowCount() {
        return log.rowCount;
      },
    };
  }

  async #columns(name: string): Promise<readonly Column[]> {
    const output = this.#output(name);
    if (output.contract !== undefined) return await loadContract(output.contract);
    throw targetError('task-error', `table("${name}") needs the columns of a contract`, {
      hint: `give the output "${name}" a contract in the pipeline file`,
    });
  }

  #output(name: string): Attempt['order']['outputs'][number] {
    const { outputs } = this.#attempt.order;
    const output = outputs.find((candidate) => candidate.name === name);
    if (output !== undefined) return output;
    throw targetError('task-error', `table("${name}"): there is no such output`, {
      hint: `outputs: ${outputs.map((candidate) => candidate.name).join(', ')}`,
    });
  }

  async #log(name: string): Promise<RowLog> {
    const known = this.#logs.get(name);
    if (known !== undefined) return known;
    mkdirSync(this.#attempt.order.scratch, { recursive: true });
    const log = await RowLog.open(logPath(this.#attempt, name), this.#resumed?.rowLogs[name]);
    this.#logs.set(name, log);
    return log;
  }

  async #stage(name: string, log: RowLog): Promise<readonly WrittenFile[]> {
    const output = this.#output(name);
    const staged = this.#attempt.stagedPaths.get(name) ?? '';
    const database = await this.#attempt.database();
    const query = readLog(log, await this.#columns(name));
    try {
      return await copyQuery(database, { query, values: {}, output, staged });
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.fault.type !== 'Invalid Input') throw error;
      const detail = error.fault.message.split('\n')[0];
      throw targetError('contract-broken', `A row of table("${name}") does not fit its contract`, {
        detail,
      });
    }
  }
}

function logPath({ order }: Attempt, name: string): string {
  return join(order.scratch, `${name}.ndjson`);
}

function readLog(log: RowLog, columns: readonly Column[]): string {
  const types = columns.map(({ name, type }) => `${quotedText(name)}: ${quotedText(type)}`);
  // A resumed log may hold longer lines than were added since; UTF-8 needs up to 3 bytes each.
  const longest = Math.max(log.longestLine * 3, LONG_LINE) * 2;
  const names = columns.map(({ name }) => quotedName(name)).join(', ');
  return (
    `SELECT ${names} FROM read_json(${quotedText(log.path)}, format = 'newline_delimited', ` +
    `maximum_object_size = ${longest}, columns = {${types.join(', ')}})`
  );
}

/**
 * One JSON line per row. Refuses columns that the contract does not have, because DuckDB would
 * leave them out in silence; writes what JSON has no words for as text that DuckDB casts back.
 */
function rowEncoder(
  table: string,
  columns: readonly Column[],
): (row: Readonly<Record<string, unknown>>) => string {
  const names = new Set(columns.map(({ name }) => name));
  const mayBeSpecial = columns.some(({ type }) => /FLOAT|DOUBLE|BIGINT|DECIMAL/.test(type));
  return (row) => {
    for (const name in row) {
      if (names.has(name)) continue;
      throw targetError('contract-broken', `table("${table}") has no column "${name}"`, {
        hint: `columns: ${[...names].join(', ')}`,
      });
    }
    return mayBeSpecial ? JSON.stringify(row, encodeSpecial) : JSON.stringify(row);
  };
}

function encodeSpecial(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}
