// Puts the pages of a row log together as one plain Parquet file for each table, by copying alone,
// and gives the query that reads such a file with the types of the contract. A file is one row group:
// then DuckDB reads it in vectors that are always full, and what it writes depends on the rows alone,
// not on how they came into the log.
import { closeSync, openSync, writeSync } from 'node:fs';
import { freeBytes } from '../free-bytes.ts';
import { CODEC, ENCODING } from '../parquet/flat-file.ts';
import { BINARY, fields, I32, STRUCT, type Struct, writeStruct } from '../parquet/thrift.ts';
import { pagesOf, type RowBlock, type RowTable } from './row-block.ts';
import { parquetType, plainTypeOf } from './row-column.ts';
import { damagedLog, type LogLength, readLog } from './row-log.ts';
import { quotedName, quotedText } from './sql-text.ts';

const MAGIC = Buffer.from('PAR1');
/** So much of a column is held until it is written. */
const HELD_BYTES = 64 * 1024;
const OPTIONAL = 1;
const UTF8 = 0;

/** Makes the files of all tables; `path` names that of a table by its index. Gives rows by index. */
export async function makeRowFiles(
  log: { readonly path: string; readonly length: LogLength },
  {
    tables,
    path,
  }: { readonly tables: readonly RowTable[]; readonly path: (table: number) => string },
): Promise<readonly number[]> {
  const plans = tables.map((table) => new FilePlan(table));
  for await (const block of readLog(log.path, log.length)) {
    const plan = plans[block.table];
    if (plan === undefined || !plan.count(block)) throw damagedLog(log.path);
  }
  const files: RowFile[] = [];
  try {
    for (const [index, plan] of plans.entries()) files.push(new RowFile(path(index), plan));
    for await (const block of readLog(log.path, log.length)) files[block.table]?.add(block);
    for (const file of files) file.finish();
  } finally {
    for (const file of files) file.close();
  }
  return plans.map(({ rows }) => rows);
}

/** The query that gives the rows of a file that was made of blocks. */
export function readRowFile(path: string, { columns }: RowTable): string {
  const names = columns.map(({ name, type }, index) => {
    const plain = columnName(index);
    const value = isNested(type) ? `CAST(${plain} AS JSON)` : plain;
    return `CAST(${value} AS ${type}) AS ${quotedName(name)}`;
  });
  return `SELECT ${names.join(', ')} FROM read_parquet(${quotedText(path)})`;
}

function isNested(type: string): boolean {
  return type.endsWith('[]') || type.startsWith('STRUCT(') || type.startsWith('MAP(');
}

/** Of its own, because names in a file and in SQL differ in what counts as the same. */
function columnName(index: number): string {
  return `c${index}`;
}

/** How many bytes each column of a table will have, and so where it begins. */
class FilePlan {
  readonly table: RowTable;
  rows = 0;
  readonly #lengths: number[];

  constructor(table: RowTable) {
    this.table = table;
    this.#lengths = table.columns.map(() => 0);
  }

  /** False when the block is none of this table's. */
  count(block: RowBlock): boolean {
    const pages = pagesOf(block, this.#lengths.length);
    if (pages === undefined) return false;
    for (const [column, page] of pages.entries()) {
      this.#lengths[column] = (this.#lengths[column] ?? 0) + page.length;
    }
    this.rows += block.rows;
    return true;
  }

  /** Where each column begins, and where the last one ends. */
  starts(): number[] {
    const starts = [MAGIC.length];
    for (const length of this.#lengths) starts.push((starts.at(-1) ?? 0) + length);
    return starts;
  }
}

class RowFile {
  readonly #plan: FilePlan;
  readonly #file: number;
  readonly #columns: ColumnPlace[];

  constructor(path: string, plan: FilePlan) {
    this.#plan = plan;
    this.#file = openSync(path, 'w');
    this.#columns = plan
      .starts()
      .slice(0, -1)
      .map((start) => new ColumnPlace(this.#file, start));
    write(this.#file, MAGIC, 0);
  }

  add(block: RowBlock): void {
    const pages = pagesOf(block, this.#columns.length) ?? [];
    for (const [index, page] of pages.entries()) this.#columns[index]?.add(page);
  }

  finish(): void {
    for (const column of this.#columns) column.flush();
    const { table, rows } = this.#plan;
    const footer = writeStruct([
      fields.i32(1, 1),
      fields.list(2, STRUCT, schemaOf(table)),
      fields.i64(3, rows),
      fields.list(4, STRUCT, rows === 0 ? [] : [this.#rowGroup()]),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    const end = this.#plan.starts().at(-1) ?? 0;
    write(this.#file, Buffer.concat([footer, length, MAGIC]), end);
  }

  close(): void {
    for (const column of this.#columns) column.free();
    closeSync(this.#file);
  }

  #rowGroup(): Struct {
    const { table, rows } = this.#plan;
    const starts = this.#plan.starts();
    const chunks = table.columns.map(({ type }, index): Struct => {
      const start = starts[index] ?? 0;
      const length = (starts[index + 1] ?? 0) - start;
      const metadata = [
        fields.i32(1, parquetType(plainTypeOf(type))),
        fields.list(2, I32, [ENCODING.PLAIN, ENCODING.RLE]),
        fields.list(3, BINARY, [Buffer.from(columnName(index))]),
        fields.i32(4, CODEC.NONE),
        fields.i64(5, rows),
        fields.i64(6, length),
        fields.i64(7, length),
        fields.i64(9, start),
      ];
      return [fields.i64(2, start), fields.struct(3, metadata)];
    });
    const bytes = (starts.at(-1) ?? 0) - MAGIC.length;
    return [fields.list(1, STRUCT, chunks), fields.i64(2, bytes), fields.i64(3, rows)];
  }
}

function schemaOf({ columns }: RowTable): readonly Struct[] {
  const leaves = columns.map(({ type }, index): Struct => {
    const plain = plainTypeOf(type);
    return [
      fields.i32(1, parquetType(plain)),
      fields.i32(3, OPTIONAL),
      fields.text(4, columnName(index)),
      ...(plain === 'text' ? [fields.i32(6, UTF8)] : []),
    ];
  });
  return [[fields.text(4, 'rows'), fields.i32(5, columns.length)], ...leaves];
}

/** Where a column's pages go in a file. */
class ColumnPlace {
  readonly #file: number;
  #at: number;
  #held = new Uint8Array(0);
  #length = 0;

  constructor(file: number, start: number) {
    this.#file = file;
    this.#at = start;
  }

  add(page: Uint8Array): void {
    if (this.#length + page.length > HELD_BYTES) this.flush();
    if (page.length > HELD_BYTES) {
      this.#write(page);
      return;
    }
    if (this.#held.length === 0) this.#held = new Uint8Array(HELD_BYTES);
    this.#held.set(page, this.#length);
    this.#length += page.length;
  }

  flush(): void {
    this.#write(this.#held.subarray(0, this.#length));
    this.#length = 0;
  }

  /** Takes no more pages. */
  free(): void {
    freeBytes(this.#held);
  }

  #write(bytes: Uint8Array): void {
    write(this.#file, bytes, this.#at);
    this.#at += bytes.length;
  }
}

function write(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
  }
}
