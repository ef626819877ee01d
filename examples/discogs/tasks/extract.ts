// Turns a Discogs dump of any size into its tables, record by record: it is read as a stream, parsed
// by threads of their own, and goes on inside the file after whatever ended it.

import { stat } from 'node:fs/promises';
import { type Checkpoint, defineTask, type TaskContext } from '../../../src/task.ts';
import { type Element, RecordProblem } from './dump/element.ts';
import { openDump } from './dump/read-dump.ts';
import { RecordParser } from './dump/record-parser.ts';
import { type DumpPlace, RecordPieces } from './dump/record-pieces.ts';
import { type DumpKind, kinds, type Row } from './kinds.ts';

export interface ExtractOptions {
  readonly kind: string;
  readonly records_per_file: number;
  readonly state_save_interval: number;
  readonly threads: number;
}

const positive = { type: 'integer', minimum: 1 } as const;

export default defineTask<ExtractOptions>({
  with: {
    type: 'object',
    additionalProperties: false,
    required: ['kind'],
    properties: {
      kind: { enum: Object.keys(kinds), description: 'Which records the dump holds.' },
      records_per_file: {
        ...positive,
        default: 100_000,
        description: 'Each table begins a new file after so many records.',
      },
      state_save_interval: {
        ...positive,
        default: 5_000,
        description: 'A checkpoint is saved after so many records.',
        'x-result': false,
      },
      threads: {
        ...positive,
        maximum: 64,
        default: 2,
        description: 'Threads that parse.',
        'x-result': false,
      },
    },
  },

  async run(context) {
    const { signal } = context;
    const { state_save_interval: interval, records_per_file: perFile, threads } = context.with;
    const { shape, tables } = kindOf(context.with);
    const path = context.inputs['input']?.path ?? '';
    for (const table of tables) await context.table(table);
    let done = placeOf(context.resumed);
    const { size: total } = await stat(path);
    const dump = await openDump(path, { from: done.byte, signal });
    const stops = [interval, perFile];
    const pieces = new RecordPieces(dump, { path, shape, from: done, stops });
    let due = done.records + interval;
    for await (const { piece, found } of context.parse(pieces.pieces(), { threads })) {
      const { records, byte } = piece;
      done = { records, byte, kept: done.kept + Number(found) };
      context.progress({ done: piece.read, total, unit: 'bytes' });
      if (records % perFile === 0) await context.cut();
      if (records < due && !context.isDraining) continue;
      await save(context, done);
      due = records + interval;
    }
    if (pieces.problem !== undefined) {
      await save(context, done);
      throw pieces.problem;
    }
    context.progress({ done: total, total, unit: 'bytes' });
    await save(context, done, { isComplete: true });
    context.account({ entriesIn: done.records, kept: done.kept, drops: {} });
  },

  parse({ bytes, ends }, rows) {
    const kind = kindOf(rows.with);
    const parser = parserOf(kind);
    let kept = 0;
    let start = 0;
    for (const end of ends) {
      try {
        addRecord(parser.parse(bytes, start, end), { kind, append: rows.append });
        kept += 1;
      } catch (error) {
        if (!(error instanceof RecordProblem)) throw error;
        const text = Buffer.from(bytes.subarray(start, end)).toString('utf8').trim();
        rows.reject({ id: idIn(text), error: error.message, text });
      }
      start = end;
    }
    return kept;
  },
});

/** Where the work stands: behind the last record whose rows were appended. */
interface Done extends DumpPlace {
  /** Records that gave rows; the others are rejects. */
  readonly kept: number;
}

async function save(
  context: TaskContext<ExtractOptions>,
  { records, byte, kept }: Done,
  more: Pick<Checkpoint, 'isComplete'> = {},
): Promise<void> {
  await context.checkpoint({ records, position: { byte, kept }, ...more });
}

function placeOf(resumed: Checkpoint | undefined): Done {
  const position: unknown = resumed?.position;
  const number = (key: string): number =>
    typeof position === 'object' && position !== null ? Number(Reflect.get(position, key)) : 0;
  return { records: resumed?.records ?? 0, byte: number('byte'), kept: number('kept') };
}

function kindOf({ kind }: ExtractOptions): DumpKind {
  const found = kinds[kind];
  if (found === undefined) throw new Error(`There is no kind of dump "${kind}".`);
  return found;
}

const parsers = new Map<DumpKind, RecordParser>();

function parserOf(kind: DumpKind): RecordParser {
  const parser = parsers.get(kind) ?? new RecordParser(kind.shape.record);
  parsers.set(kind, parser);
  return parser;
}

/** All rows of a record, or none. */
function addRecord(
  record: Element,
  {
    kind,
    append,
  }: {
    readonly kind: DumpKind;
    readonly append: (table: string, row: Row) => void;
  },
): void {
  const tables: string[] = [];
  const made: Row[] = [];
  kind.addRows(record, (table, row) => {
    tables.push(table);
    made.push(row);
  });
  for (let index = 0; index < made.length; index += 1)
    append(tables[index] ?? '', made[index] ?? {});
}

/** The id that a broken record seems to have. */
function idIn(text: string): string | null {
  return /^<\w+[^<>]*?\sid="(\d+)"/.exec(text)?.[1] ?? /<id>(\d+)<\/id>/.exec(text)?.[1] ?? null;
}
