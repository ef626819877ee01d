// Runs the SQL files of the tables the way the runner does, without the runner: statements in
// order on a connection of their own, values bound by name, the last statement wrapped in a COPY.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBScalarFunction,
  LIST,
  listValue,
  VARCHAR,
} from '@duckdb/node-api';
import { jsonError } from '../src/executor/json-error.ts';
import type { Json, Sql, TaskContext } from '../src/task.ts';
import sample, { type SampleOptions } from '../tasks/sample.ts';
import type { SourceRow } from './reference/wikidata.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Written {
  readonly rows: readonly Row[];
  /** Name and DuckDB type of each column, in order. */
  readonly columns: readonly (readonly [string, string])[];
  readonly accounting: readonly Row[];
  readonly rejects: readonly Row[];
  /** The bytes of the file. */
  readonly file: Buffer;
  /** The most that lay in temporary files after any of the statements. */
  readonly spilledBytes: number;
}

/** A folder that is gone after the callback. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'eider-tables-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface RunOptions {
  /** File name under tasks/, without .sql. */
  readonly name: string;
  readonly input: readonly string[];
  readonly memoryLimit?: string;
}

const SPILLED = 'SELECT coalesce(sum(size), 0) AS bytes FROM duckdb_temporary_files()';

/** Runs one SQL file over Parquet files and reads back what its COPY wrote. */
export async function runSqlFile(options: RunOptions): Promise<Written> {
  const script = await readFile(new URL(`../tasks/${options.name}.sql`, import.meta.url), 'utf8');
  const statements = script.split(/;\n/).filter((statement) => statement.trim() !== '');
  const last = statements.pop() ?? '';
  return await withFolder(async (folder) => {
    const path = join(folder, 'staged.parquet');
    const values = { input: options.input };
    return await withConnection(options.memoryLimit ?? '1GB', async (connection) => {
      await connection.run(`SET temp_directory = '${join(folder, 'spill')}'`);
      let spilledBytes = 0;
      for (const statement of statements) {
        await runBound(connection, statement, values);
        const [spill] = await rowsOf(connection, SPILLED);
        spilledBytes = Math.max(spilledBytes, Number(spill?.['bytes']));
      }
      await runBound(
        connection,
        `COPY (${last}) TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`,
        values,
      );
      const hasRejects = /TABLE rejects/.test(script);
      return {
        rows: await rowsOf(connection, `FROM '${path}'`),
        columns: (await rowsOf(connection, `DESCRIBE FROM '${path}'`)).map(
          (row) => [String(row['column_name']), String(row['column_type'])] as const,
        ),
        accounting: await rowsOf(connection, 'FROM accounting'),
        rejects: hasRejects ? await rowsOf(connection, 'FROM rejects') : [],
        file: await readFile(path),
        spilledBytes,
      };
    });
  });
}

/** Writes rows as a source file; the options are those of DuckDB's COPY. */
export async function writeSource(
  path: string,
  rows: readonly SourceRow[],
  options = '',
): Promise<void> {
  await withConnection('1GB', async (connection) => {
    await connection.run(`CREATE TABLE source (
      id VARCHAR, labels VARCHAR, descriptions VARCHAR, aliases VARCHAR, sitelinks VARCHAR,
      claims VARCHAR)`);
    const appender = await connection.createAppender('source');
    for (const row of rows) {
      const { id, labels, descriptions, aliases, sitelinks, claims } = row;
      for (const value of [id, labels, descriptions, aliases, sitelinks, claims]) {
        if (value === null) appender.appendNull();
        else appender.appendVarchar(value);
      }
      appender.endRow();
    }
    appender.closeSync();
    await connection.run(`COPY source TO '${path}' (FORMAT parquet${options})`);
  });
}

export async function readSource(input: readonly string[]): Promise<readonly SourceRow[]> {
  return await withConnection('1GB', async (connection) => {
    await runBound(connection, 'CREATE TABLE source AS FROM read_parquet($input)', { input });
    const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return (await rowsOf(connection, 'FROM source')).map((row) => ({
      id: text(row['id']),
      labels: text(row['labels']),
      descriptions: text(row['descriptions']),
      aliases: text(row['aliases']),
      sitelinks: text(row['sitelinks']),
      claims: text(row['claims']),
    }));
  });
}

/** Runs the sample task into a folder, with its defaults but for what is given. */
export async function writeSample(
  folder: string,
  options: Partial<SampleOptions> = {},
): Promise<void> {
  const properties: unknown = sample.with?.['properties'];
  if (typeof properties !== 'object' || properties === null) throw new Error('no properties');
  const defaults = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, Reflect.get(schema, 'default')]),
  );
  const staged = join(folder, 'sample');
  await mkdir(staged);
  await withConnection('1GB', async (connection) => {
    const sql: Sql = {
      run: (statement, values) => runBound(connection, statement, values ?? {}),
      rows: (statement) => rowsOf(connection, statement),
    };
    const context: Partial<TaskContext<SampleOptions>> = {
      with: { ...defaults, ...options } as SampleOptions,
      outputs: { output: { path: staged } },
      scratch: folder,
      signal: new AbortController().signal,
      progress: () => {},
      sql: async () => sql,
    };
    await sample.run(context as TaskContext<SampleOptions>);
  });
}

async function withConnection<T>(
  memoryLimit: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: memoryLimit,
    preserve_insertion_order: 'true',
  });
  const connection = await instance.connect();
  try {
    connection.registerScalarFunction(
      DuckDBScalarFunction.create({
        name: 'json_error',
        parameterTypes: [VARCHAR],
        returnType: VARCHAR,
        mainFunction: (_info, input, output) => {
          const texts = input.getColumnVector(0);
          for (let row = 0; row < input.rowCount; row++) {
            output.setItem(row, jsonError(String(texts.getItem(row))));
          }
          output.flush();
        },
      }),
    );
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

type Values = Readonly<Record<string, Json>>;

/** Binds the parameters that a statement has; a comment that names one does not count. */
async function runBound(connection: DuckDBConnection, statement: string, values: Values) {
  const prepared = await connection.prepare(statement);
  for (let index = 1; index <= prepared.parameterCount; index++) {
    const value = values[prepared.parameterName(index)];
    if (Array.isArray(value)) prepared.bindList(index, listValue(value), LIST(VARCHAR));
    else if (typeof value === 'string') prepared.bindVarchar(index, value);
    else throw new Error(`no text for $${prepared.parameterName(index)}`);
  }
  await prepared.run();
  prepared.destroySync();
}

async function rowsOf(connection: DuckDBConnection, query: string): Promise<readonly Row[]> {
  return (await connection.runAndReadAll(query)).getRowObjectsJS();
}
