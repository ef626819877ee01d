// The history as Arrow record batches, written as they are filled, so that memory does not grow
// with the number of rows. Knows Arrow, which is heavy: it is imported when it is asked for.
import {
  type DataType,
  Field,
  Int32,
  Int64,
  makeBuilder,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import type { HistoryRow } from './history.ts';

const BATCH_ROWS = 8192;

const text = () => new Utf8();
const count = () => new Int64();
const time = () => new TimestampMillisecond('UTC');

const TYPES: { readonly [Key in keyof HistoryRow]: DataType } = {
  target: text(),
  step: text(),
  cell: text(),
  key: text(),
  group: text(),
  attempt: new Int32(),
  status: text(),
  failure: text(),
  started: time(),
  ended: time(),
  duration_ms: count(),
  bytes_in: count(),
  bytes_out: count(),
  rows: count(),
  rejects: count(),
  peak_bytes: count(),
  retries: new Int32(),
  run: text(),
  worker: new Int32(),
  eider: text(),
  node: text(),
  duckdb: text(),
};

const schema = new Schema(Object.entries(TYPES).map(([name, type]) => new Field(name, type, true)));

/**
 * The bytes of an IPC stream, or of an IPC file (which can be read from anywhere). Columns are those
 * of HistoryRow: text, int32 for small numbers, int64 for sizes, counts and milliseconds, and
 * timestamps in UTC.
 */
export async function* arrowHistory(
  rows: Iterable<HistoryRow>,
  layout: 'stream' | 'file',
): AsyncGenerator<Uint8Array> {
  const writer = layout === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
  const written = writer.writeAll(batchesOf(rows));
  yield* writer;
  await written;
}

/** Asynchronous, so that what was written is taken before more is. */
async function* batchesOf(rows: Iterable<HistoryRow>): AsyncGenerator<RecordBatch> {
  let batch: HistoryRow[] = [];
  let isEmpty = true;
  for (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH_ROWS) continue;
    yield batchOf(batch);
    isEmpty = false;
    batch = [];
  }
  // Without any batch there would be no schema either.
  if (batch.length > 0 || isEmpty) yield batchOf(batch);
}

function batchOf(rows: readonly HistoryRow[]): RecordBatch {
  const children = schema.fields.map(({ name, type }) => {
    const builder = makeBuilder({ type, nullValues: [null] });
    const convert = converterOf(type);
    for (const row of rows) {
      const value: unknown = Reflect.get(row, name);
      builder.append(value === null ? null : convert(value));
    }
    return builder.finish().flush();
  });
  const data = makeData({ type: new Struct(schema.fields), length: rows.length, children });
  return new RecordBatch(schema, data);
}

function converterOf(type: DataType): (value: unknown) => unknown {
  if (type instanceof Int64) return (value) => BigInt(Math.round(Number(value)));
  if (type instanceof TimestampMillisecond) return (value) => Date.parse(String(value));
  return (value) => value;
}
