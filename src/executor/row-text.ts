// How the rows of a task's tables lie in its row log: as text, a line each, with the columns of the
// output's contract in their order and without names; and the query that reads such lines back.
// Every string is quoted, so that an empty one is no NULL and a line break in it ends no row.
import type { Column } from './duckdb.ts';
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

type Encoder = (row: Row) => string;

interface OpenBlock {
  lines: string[];
  rows: number;
  longest: number;
}

/** Collects rows of several tables until they are taken as blocks. */
export class RowBuffer {
  /** About how much memory the rows take that were added since the last `take`. */
  characters = 0;
  readonly #tables: readonly RowTable[];
  readonly #encoders: (Encoder | undefined)[] = [];
  readonly #open = new Map<number, OpenBlock>();

  constructor(tables: readonly RowTable[]) {
    this.#tables = tables;
  }

  /** Throws `contract-broken` for a column that the table has not, or a value of a wrong kind. */
  add(table: number, row: Row): void {
    let encode = this.#encoders[table];
    if (encode === undefined) {
      encode = rowEncoder(this.#tables[table] ?? { name: String(table), columns: [] });
      this.#encoders[table] = encode;
    }
    let block = this.#open.get(table);
    if (block === undefined) {
      block = { lines: [], rows: 0, longest: 0 };
      this.#open.set(table, block);
    }
    const line = encode(row);
    block.lines.push(line);
    block.rows += 1;
    if (line.length > block.longest) block.longest = line.length;
    this.characters += line.length;
  }

  /** What was added since the last time, in order of the tables. */
  take(): readonly RowBlock[] {
    const blocks = [...this.#open]
      .sort(([a], [b]) => a - b)
      .map(([table, { lines, rows, longest }]): RowBlock => {
        const text = lines.join('');
        if (!text.isWellFormed()) refuseLoneSurrogate(lines);
        // A code unit takes up to three bytes.
        return { table, rows, longest: longest * 3, bytes: new TextEncoder().encode(text) };
      });
    this.#open.clear();
    this.characters = 0;
    return blocks;
  }
}

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

/**
 * Refuses columns that the contract does not have, because they would be left out in silence, and
 * numbers with a fraction for whole numbers, because they would be rounded.
 */
function rowEncoder({ name: table, columns }: RowTable): Encoder {
  const names = columns.map(({ name }) => name);
  const fields = columns.map((column) => fieldEncoder(table, column));
  const last = columns.length - 1;
  return (row) => {
    let line = '';
    let found = 0;
    for (let index = 0; index <= last; index += 1) {
      const value = row[names[index] ?? ''];
      if (value !== undefined) found += 1;
      line += fields[index]?.(value) ?? '';
      line += index === last ? '\n' : ',';
    }
    let given = 0;
    for (const _ in row) given += 1;
    if (given > found) refuseUnknown(row, { table, names });
    return line;
  };
}

function fieldEncoder(table: string, { name, type }: Column): (value: unknown) => string {
  const isWhole = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type);
  const isText = type === 'VARCHAR';
  return (value) => {
    if (value === undefined || value === null) return '';
    switch (typeof value) {
      case 'string':
        return quoted(value);
      case 'number':
        if (isWhole && !Number.isInteger(value)) {
          throw targetError(
            'contract-broken',
            `A row of table("${table}") does not fit its contract`,
            { detail: `${name} is ${value}, not a whole number (${type})` },
          );
        }
        if (Object.is(value, -0)) return '-0';
        return isText ? quoted(String(value)) : String(value);
      case 'bigint':
      case 'boolean':
        return isText ? quoted(String(value)) : String(value);
      default:
        if (value instanceof Date) return quoted(value.toISOString());
        return quoted(JSON.stringify(value, encodeSpecial) ?? '');
    }
  };
}

function quoted(text: string): string {
  return text.includes('"') ? `"${text.replaceAll('"', '""')}"` : `"${text}"`;
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

/** Half a surrogate pair is no Unicode text and would silently become another character. */
function refuseLoneSurrogate(lines: readonly string[]): void {
  throw targetError(
    'task-error',
    'A row holds half of a surrogate pair, which is no Unicode text',
    {
      detail: lines.find((line) => !line.isWellFormed())?.slice(0, 500),
      hint: 'reject() the record, or repair its text with toWellFormed()',
    },
  );
}
