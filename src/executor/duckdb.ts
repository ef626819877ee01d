// The only file that knows DuckDB's binding. A database is one in-memory instance with one
// connection, made for one target and closed after it: an instance of its own costs 8 ms of CPU
// (a connection alone 0.2 ms), and in return no SET, macro or table of one target can reach the
// next, memory goes back, and limits are set where nobody can have changed them. The binding
// itself (60 ms, 70 MB) is imported with the first database.
import type { DuckDBConnection, DuckDBInstance, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Json } from '../task.ts';
import { DatabaseError, parseFault } from './sql-error.ts';
import { targetError } from './target-error.ts';

export type Row = Readonly<Record<string, unknown>>;
export type Values = Readonly<Record<string, Json>>;

export interface Column {
  readonly name: string;
  /** As DuckDB writes it: `VARCHAR`, `DOUBLE[]`, `STRUCT(a INTEGER)`. */
  readonly type: string;
}

export interface Database {
  /**
   * Runs the statements of a text one after the other and gives the rows of the last. Of the values
   * those are bound that a statement names. Throws DatabaseError.
   */
  rows(text: string, values?: Values): Promise<readonly Row[]>;
  /** Names and types of a query's columns, without running it. */
  columns(query: string, values?: Values): Promise<readonly Column[]>;
  /** Throws DatabaseError when the text does not parse; gives the number of statements in it. */
  parse(text: string): Promise<number>;
  /** Share of the running statement that is done, 0 to 100; undefined when nobody knows. */
  progress(): number | undefined;
  /** Ends the running statements with an error within milliseconds. */
  interrupt(): void;
  /** Another connection, for statements at the same time; the caller closes it first. */
  connect(): Promise<Database>;
  close(): void;
}

export interface DatabaseOptions {
  /** 0: DuckDB's own limit. */
  readonly memoryBytes: number;
  /** Where it may spill; made when needed. */
  readonly temporaryFolder: string;
  /** What relative paths in SQL are relative to. */
  readonly root: string;
}

/** Version of the engine, as recorded in traces. */
export async function engineVersion(): Promise<string> {
  const { version } = await import('@duckdb/node-api');
  return version();
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const duckdb = await import('@duckdb/node-api');
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    // One thread and insertion order make the bytes of a result depend on its input alone.
    threads: '1',
    preserve_insertion_order: 'true',
    temp_directory: options.temporaryFolder,
    file_search_path: options.root,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_persistent_secrets: 'false',
    errors_as_json: 'true',
    // Every file is read once: kept in memory it helps nobody.
    enable_external_file_cache: 'false',
    ...(options.memoryBytes > 0
      ? { memory_limit: `${Math.ceil(options.memoryBytes / 1024)}KiB` }
      : {}),
  });
  const connection = await instance.connect();
  await registerJsonError(connection);
  return await connected(instance, connection, () => instance.closeSync());
}

async function connected(
  instance: DuckDBInstance,
  connection: DuckDBConnection,
  onClose: () => void,
): Promise<OpenDatabase> {
  await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false');
  return new OpenDatabase({ instance, connection, bind: await binder(), onClose });
}

type Bind = (value: Json) => { readonly value: DuckDBValue; readonly type: DuckDBType };

class OpenDatabase implements Database {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #bind: Bind;
  readonly #onClose: () => void;
  readonly #others = new Set<Database>();

  constructor(parts: {
    readonly instance: DuckDBInstance;
    readonly connection: DuckDBConnection;
    readonly bind: Bind;
    readonly onClose: () => void;
  }) {
    this.#instance = parts.instance;
    this.#connection = parts.connection;
    this.#bind = parts.bind;
    this.#onClose = parts.onClose;
  }

  async rows(text: string, values: Values = {}): Promise<readonly Row[]> {
    try {
      // A statement such as PIVOT stands for several; each is prepared after the one before ran.
      const statements = await this.#connection.extractStatements(text);
      let rows: readonly Row[] = [];
      for (let index = 0; index < statements.count; index++) {
        const prepared = await statements.prepare(index);
        try {
          for (let at = 1; at <= prepared.parameterCount; at++) {
            const { value, type } = this.#bind(boundValue(values, prepared.parameterName(at)));
            prepared.bindValue(at, value, type);
          }
          rows = (await prepared.runAndReadAll()).getRowObjectsJS();
        } finally {
          prepared.destroySync();
        }
      }
      return rows;
    } catch (error) {
      throw databaseError(error);
    }
  }

  async columns(query: string, values: Values = {}): Promise<readonly Column[]> {
    const rows = await this.rows(`DESCRIBE ${query}`, values);
    return rows.map((row) => ({
      name: String(row['column_name']),
      type: String(row['column_type']),
    }));
  }

  async parse(text: string): Promise<number> {
    try {
      return (await this.#connection.extractStatements(text)).count;
    } catch (error) {
      throw databaseError(error);
    }
  }

  progress(): number | undefined {
    const { percentage } = this.#connection.progress;
    return percentage >= 0 ? percentage : undefined;
  }

  interrupt(): void {
    this.#connection.interrupt();
    for (const other of this.#others) other.interrupt();
  }

  async connect(): Promise<Database> {
    const onClose = () => this.#others.delete(other);
    const other = await connected(this.#instance, await this.#instance.connect(), onClose);
    this.#others.add(other);
    return other;
  }

  close(): void {
    this.#connection.closeSync();
    this.#onClose();
  }
}

function databaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'TargetError') return error;
  return new DatabaseError(parseFault(error.message));
}

function boundValue(values: Values, name: string): Json {
  const value = values[name];
  if (value !== undefined) return value;
  const known = Object.keys(values).map((key) => `$${key}`);
  throw targetError('sql-error', `Unknown parameter $${name}`, {
    hint: known.length === 0 ? 'there are no parameters here' : `known: ${known.join(', ')}`,
  });
}

/** How JSON values become DuckDB's: whole numbers INTEGER or BIGINT, objects their JSON text. */
async function binder(): Promise<Bind> {
  const { BOOLEAN, INTEGER, BIGINT, DOUBLE, VARCHAR, SQLNULL, LIST, listValue } = await import(
    '@duckdb/node-api'
  );
  const scalar: Bind = (value) => {
    switch (typeof value) {
      case 'boolean':
        return { value, type: BOOLEAN };
      case 'number':
        if (!Number.isSafeInteger(value)) return { value, type: DOUBLE };
        if (value === (value | 0)) return { value, type: INTEGER };
        return { value: BigInt(value), type: BIGINT };
      case 'string':
        return { value, type: VARCHAR };
      default:
        if (value === null) return { value, type: SQLNULL };
        return { value: JSON.stringify(value), type: VARCHAR };
    }
  };
  const list = (items: readonly Json[]) => {
    const bound = items.map(scalar);
    const types = new Set(bound.map(({ type }) => type).filter((type) => type !== SQLNULL));
    const [first = VARCHAR] = types;
    if (types.size <= 1) return { value: listValue(bound.map((b) => b.value)), type: LIST(first) };
    // Mixed numbers become the widest kind; any other mixture becomes text.
    const numbers = [...types].every((t) => t === INTEGER || t === BIGINT || t === DOUBLE);
    if (!numbers) {
      const texts = items.map((item) =>
        item === null || typeof item === 'string' ? item : JSON.stringify(item),
      );
      return { value: listValue(texts), type: LIST(VARCHAR) };
    }
    const isDouble = types.has(DOUBLE);
    const widest = items.map((item) =>
      typeof item !== 'number' ? null : isDouble ? item : BigInt(item),
    );
    return { value: listValue(widest), type: LIST(isDouble ? DOUBLE : BIGINT) };
  };
  return (value) => (isList(value) ? list(value) : scalar(value));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** `json_error(VARCHAR) -> VARCHAR`: why a text is not JSON, NULL when it is. */
async function registerJsonError(connection: DuckDBConnection): Promise<void> {
  const { jsonError } = await import('./json-error.ts');
  const { DuckDBScalarFunction, VARCHAR } = await import('@duckdb/node-api');
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'json_error',
      parameterTypes: [VARCHAR],
      returnType: VARCHAR,
      mainFunction: (_info, input, output) => {
        const texts = input.getColumnVector(0);
        for (let row = 0; row < input.rowCount; row++) {
          const text: unknown = texts.getItem(row);
          output.setItem(row, typeof text === 'string' ? jsonError(text) : null);
        }
        output.flush();
      },
    }),
  );
}
