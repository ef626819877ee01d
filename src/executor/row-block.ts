// Rows of a task's tables as blocks, in which they go from threads into the row log: of each table
// the pages of its columns, in the order of the output's contract.
import type { Column } from './duckdb.ts';
import { RowColumn } from './row-column.ts';
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
  /** For each column the length of its page in 32 bits, and the page. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const LENGTH_BYTES = 4;

/** The pages in a block's bytes; undefined when they are no such bytes. */
export function pagesOf(
  { bytes }: RowBlock,
  columns: number,
): readonly Uint8Array<ArrayBuffer>[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pages: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  for (let column = 0; column < columns; column += 1) {
    const start = at + LENGTH_BYTES;
    if (start > bytes.length) return undefined;
    at = start + view.getUint32(at, true);
    pages.push(bytes.subarray(start, at));
  }
  return at === bytes.length ? pages : undefined;
}

/** Collects rows of several tables until they are taken as blocks. */
export class RowBuffer {
  /** About the bytes of the rows that were added since the last `take`. */
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
  readonly #table: string;
  readonly #names: readonly string[];
  readonly #columns: readonly RowColumn[];
  readonly #byName: ReadonlyMap<string, RowColumn>;
  /** What the row before named in this place, and its column: mostly it is the same again. */
  readonly #lastNames: string[] = [];
  readonly #lastColumns: RowColumn[] = [];

  constructor({ name, columns }: RowTable) {
    this.#table = name;
    this.#names = columns.map((column) => column.name);
    this.#columns = columns.map((column) => new RowColumn(name, column));
    this.#byName = new Map(
      this.#columns.map((column, index) => [this.#names[index] ?? '', column]),
    );
  }

  /** Gives the number of bytes. */
  add(row: Row): number {
    let [place, bytes] = [0, 1];
    try {
      // The engine reads a property that it enumerates without looking for it.
      for (const name in row) {
        const known = this.#lastNames[place] === name ? this.#lastColumns[place] : undefined;
        const column = known ?? this.#columnOf(name, place);
        bytes += column.add(row[name]);
        place += 1;
      }
      if (place < this.#columns.length) bytes += this.#addOthers(row);
    } catch (error) {
      for (const column of this.#columns) if (column.rows > this.rows) column.dropLast();
      throw error;
    }
    this.rows += 1;
    return bytes;
  }

  take(): Omit<RowBlock, 'table'> {
    const pages = this.#columns.map((column) => column.take());
    const lengths = pages.map((parts) => parts.reduce((sum, { length }) => sum + length, 0));
    const sum = lengths.reduce((all, length) => all + LENGTH_BYTES + length, 0);
    const bytes = new Uint8Array(sum);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [index, parts] of pages.entries()) {
      view.setUint32(at, lengths[index] ?? 0, true);
      at += LENGTH_BYTES;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
    }
    const taken = { rows: this.rows, bytes };
    this.rows = 0;
    return taken;
  }

  /** Columns that the row does not have, or has only by its class. */
  #addOthers(row: Row): number {
    let bytes = 0;
    for (const [index, column] of this.#columns.entries()) {
      if (column.rows === this.rows) bytes += column.add(row[this.#names[index] ?? '']);
    }
    return bytes;
  }

  /** Refuses a column that the contract does not have: it would be left out in silence. */
  #columnOf(name: string, place: number): RowColumn {
    const column = this.#byName.get(name);
    if (column === undefined) {
      throw targetError('contract-broken', `table("${this.#table}") has no column "${name}"`, {
        hint: `columns: ${this.#names.join(', ')}`,
      });
    }
    this.#lastNames[place] = name;
    this.#lastColumns[place] = column;
    return column;
  }
}
