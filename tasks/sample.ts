// Generates the sample dataset: source files in the exact shape of the real ones, from invented
// words. The defaults make a few small files for a run without network; larger parameters make
// files of real size for measurements. The same parameters give the same bytes.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defineTask, type Sql, type TaskContext } from '../src/task.ts';
import { createEntities, type SourceRow } from './sample/entity.ts';

/** How many files of which size; the rest is described where it is used (`EntityOptions`). */
export interface SampleOptions {
  readonly seed: number;
  /** One number per chunk: how many files it has. */
  readonly files: readonly number[];
  /** Rows per file. */
  readonly entities: number;
  readonly claims: number;
  readonly languages: number;
  readonly labels: number;
  readonly entity_labels: number;
  readonly properties: number;
  readonly items: number;
  readonly row_group: number;
  readonly compression: 'snappy' | 'zstd';
}

const positive = { type: 'integer', minimum: 1 } as const;

export default defineTask<SampleOptions>({
  with: {
    type: 'object',
    additionalProperties: false,
    properties: {
      seed: { type: 'integer', default: 1, description: 'Another seed, other words.' },
      files: {
        type: 'array',
        items: positive,
        minItems: 1,
        default: [3, 2],
        description: 'How many files each chunk has: [3, 2] is chunk_0 of 3 and chunk_1 of 2.',
      },
      entities: { ...positive, default: 48, description: 'Entities per file.' },
      claims: { ...positive, default: 9, description: 'Mean number of statements per entity.' },
      languages: { ...positive, maximum: 297, default: 64, description: 'Languages in all.' },
      labels: { ...positive, default: 14, description: 'Mean languages of a label map in claims.' },
      entity_labels: { ...positive, default: 20, description: 'Mean languages of labels.' },
      properties: { ...positive, default: 160, description: 'Distinct properties.' },
      items: { ...positive, default: 900, description: 'Distinct items that claims speak of.' },
      row_group: { ...positive, default: 1000, description: 'Rows per Parquet row group.' },
      compression: { enum: ['snappy', 'zstd'], default: 'zstd' },
    },
  },
  async run(context) {
    const { files, entities } = context.with;
    const folder = context.outputs['output']?.path;
    if (folder === undefined) throw new Error('The step needs an output named "output".');
    const total = files.reduce((sum, count) => sum + count, 0) * entities;
    let file = 0;
    for (const [chunk, parts] of files.entries()) {
      for (let part = 0; part < parts; part++) {
        const name = `chunk_${chunk}-${digits(part)}-of-${digits(parts)}.parquet`;
        await writeFile(context, { file, path: join(folder, name), total });
        file += 1;
      }
    }
  },
});

/**
 * A file is written in pieces of an eighth of a row group and then joined: so its text, gigabytes
 * for the largest real files, is never in memory at once, and row groups come out as asked.
 */
async function writeFile(
  context: TaskContext<SampleOptions>,
  target: { readonly file: number; readonly path: string; readonly total: number },
): Promise<void> {
  const { entities, row_group: rowGroup, compression } = context.with;
  const entityOf = createEntities({ ...context.with, entityLabels: context.with.entity_labels });
  const sql = await context.sql();
  const scratch = join(context.scratch, 'pieces');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const pieceRows = Math.max(1, Math.floor(rowGroup / 8));
  const pieces: string[] = [];
  for (let start = 0; start < entities; start += pieceRows) {
    await createRows(sql);
    for (let entity = start; entity < Math.min(entities, start + pieceRows); entity++) {
      context.signal.throwIfAborted();
      await insertRow(sql, entityOf(target.file, entity));
      const done = target.file * entities + entity + 1;
      context.progress({ done, total: target.total, unit: 'rows' });
    }
    const piece = join(scratch, `${digits(pieces.length)}.parquet`);
    await sql.run('COPY sample_row TO $piece (FORMAT parquet)', { piece });
    pieces.push(piece);
  }
  await sql.run(
    `COPY (SELECT * FROM read_parquet($pieces)) TO $path
     (FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE ${rowGroup})`,
    { pieces, path: target.path },
  );
  await rm(scratch, { recursive: true, force: true });
}

async function createRows(sql: Sql): Promise<void> {
  await sql.run(`CREATE OR REPLACE TEMP TABLE sample_row (
    id VARCHAR, labels VARCHAR, descriptions VARCHAR, aliases VARCHAR, sitelinks VARCHAR,
    claims VARCHAR)`);
}

async function insertRow(sql: Sql, row: SourceRow): Promise<void> {
  await sql.run(
    `INSERT INTO sample_row
     VALUES ($id, $labels, $descriptions, $aliases, $sitelinks, $claims)`,
    { ...row },
  );
}

function digits(part: number): string {
  return String(part).padStart(5, '0');
}
