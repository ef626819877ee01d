// How the rows of a task's tables lie in its row log: as text, a line each, with the columns of the
// output's contract in their order and without names; and the query that reads such lines back.
// Every string is quoted, so that an empty one is no NULL and a line break in it ends no row.
import type { Column } from './duckdb.ts';
import { RowWriter } from './row-writer.ts';
import { quotedName, quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

/** A table's place among the outputs of its target, and its columns. Plain data. */
export interface RowTable {
  readonly name: string;
  readonly columns: readonly Column[];
}

export type Row = Readonly<Record<string, unknown>>;

/** Rows of one table as they lie in a log. */
export interface RowBlock {
  /** Index of the table. */
  readonly table: number;
  readonly rows: number;
  /** No line is longer, in bytes. */
  readonly longest: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Collects rows of several tables until they are taken as blocks. */
export class RowBuffer {
  /** Bytes of the rows that were added since the last `take`. */
  bytes = 0;
  readonly #tables: readonly RowTable[];
  readonly #open: (OpenBlock | undefined)[] = [];

  constructor(tables: readonly RowTable[]) {
    this.#tables = tables;
  }

  /**
   * Throws `contract-broken` for a column that the table has not, or a value of a wrong kind; then
   * nothing was added.
   */
  add(table: number, row: Row): void {
    let block = this.#open[table];
    if (block === undefined) {
      block = new OpenBlock(this.#tables[table] ?? { name: String(table), columns: [] });
      this.#open[table] = block;
    }
    this.bytes += block.add(row);
  }

  /** What was added since the last time, in order of the tables. */
  take(): readonly RowBlock[] {
    this.bytes = 0;
    return this.#open.flatMap((block, table) =>
      block === undefined || block.rows === 0 ? [] : [{ table, ...block.take() }],
    );
  }
}

class OpenBlock {
  rows = 0;
  #longest = 0;
  readonly #table: string;
  readonly #names: readonly string[];
  readonly #fields: readonly WriteField[];
  readonly #writer = new RowWriter();

  constructor({ name, columns }: RowTable) {
    this.#table = name;
    this.#names = columns.map((column) => column.name);
    this.#fields = columns.map((column) => fieldWriter(name, column));
  }

  /** Gives the number of bytes. */
  add(row: Row): number {
    const writer = this.#writer;
    const start = writer.length;
    try {
      this.#write(row);
    } catch (error) {
      writer.length = start;
      throw error;
    }
    const bytes = writer.length - start;
    this.rows += 1;
    if (bytes > this.#longest) this.#longest = bytes;
    return bytes;
  }

  take(): Omit<RowBlock, 'table'> {
    const taken = { rows: this.rows, longest: this.#longest, bytes: this.#writer.take() };
    this.rows = 0;
    this.#longest = 0;
    return taken;
  }

  /** Refuses columns that the contract does not have: they would be left out in silence. */
  #write(row: Row): void {
    const names = this.#names;
    const writer = this.#writer;
    let found = 0;
    for (let index = 0; index < names.length; index += 1) {
      const value = row[names[index] ?? ''];
      if (value !== undefined) found += 1;
      if (index > 0) writer.byte(COMMA);
      if (typeof value === 'string') writer.quoted(value);
      else if (value !== undefined && value !== null) this.#fields[index]?.(writer, value);
    }
    writer.byte(NEWLINE);
    let given = 0;
    for (const _ in row) given += 1;
    if (given > found) refuseUnknown(row, { table: this.#table, names });
  }
}

const [COMMA, NEWLINE] = [0x2c, 0x0a];

/** DuckDB's smallest limit for the length of a line; a longer one has to be announced. */
const LONG_LINE = 2 * 1024 * 1024;

/** The query that gives the rows of a file of lines. */
export function readRowText(
  path: string,
  { columns, longest }: { readonly columns: readonly Column[]; readonly longest: number },
): string {
  const types = columns.map(
    ({ name, type }) => `${quotedText(name)}: ${quotedText(isNested(type) ? 'VARCHAR' : type)}`,
  );
  const names = columns.map(({ name, type }) =>
    isNested(type)
      ? `CAST(CAST(${quotedName(name)} AS JSON) AS ${type}) AS ${quotedName(name)}`
      : quotedName(name),
  );
  const line = Math.max(longest + 1, LONG_LINE);
  return (
    `SELECT ${names.join(', ')} FROM read_csv(${quotedText(path)}, auto_detect = false, ` +
    `header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', ` +
    `allow_quoted_nulls = false, parallel = false, max_line_size = ${line}, ` +
    `buffer_size = ${2 * line}, columns = {${types.join(', ')}})`
  );
}

/** Of everything but text, which is quoted in every column. */
type WriteField = (writer: RowWriter, value: NonNullable<unknown>) => void;

/** Refuses numbers with a fraction where whole ones belong: they would be rounded in silence. */
function fieldWriter(table: string, { name, type }: Column): WriteField {
  const isWhole = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type);
  const isText = type === 'VARCHAR';
  return (writer, value) => {
    switch (typeof value) {
      case 'number':
        if (isWhole && !Number.isInteger(value)) {
          throw targetError(
            'contract-broken',
            `A row of table("${table}") does not fit its contract`,
            { detail: `${name} is ${value}, not a whole number (${type})` },
          );
        }
        if (isText) writer.quoted(String(value));
        else if (Object.is(value, -0)) writer.ascii('-0');
        else writer.number(value);
        break;
      case 'bigint':
      case 'boolean':
        if (isText) writer.quoted(String(value));
        else writer.ascii(String(value));
        break;
      default:
        if (value instanceof Date) writer.quoted(value.toISOString());
        else writer.quoted(JSON.stringify(value, encodeSpecial) ?? '');
    }
  };
}

/** Of lists and the like: what JSON has no words for, as text that DuckDB casts back. */
function encodeSpecial(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

function isNested(type: string): boolean {
  return type.endsWith('[]') || type.startsWith('STRUCT(') || type.startsWith('MAP(');
}

function refuseUnknown(
  row: Row,
  { table, names }: { readonly table: string; readonly names: readonly string[] },
): void {
  for (const name in row) {
    if (names.includes(name)) continue;
    throw targetError('contract-broken', `table("${table}") has no column "${name}"`, {
      hint: `columns: ${names.join(', ')}`,
    });
  }
}
