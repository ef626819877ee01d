// The project's own pipeline over odd source files, through the command line, and then everything
// that it wrote read by a second reader and held against a second reading of the rules: rows,
// accounts, rejects, manifests, columns. And what it says of sources that it cannot take.
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { DataType, type Schema } from 'apache-arrow';
import fc from 'fast-check';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partitionNames } from '../src/executor/partition.ts';
import { aliases, claims, descriptions, labels, links } from '../tasks/tables.ts';
import { oddEntity } from './reference/odd-entities.ts';
import { NO_DIFFERENCE, rowDifference } from './reference/row-difference.ts';
import { expectedTable, type SourceRow, type TableName } from './reference/wikidata.ts';
import { PROJECT, Rig, type Run } from './rig.ts';
import { writeSource } from './table-fixture.ts';

const TABLES: readonly TableName[] = ['labels', 'descriptions', 'aliases', 'links', 'claims'];
const CONTRACTS: Readonly<Record<TableName, Schema>> = {
  labels,
  descriptions,
  aliases,
  links,
  claims,
};
/** Source files by name: their rows, and how they are written. */
const SOURCES: Readonly<Record<string, { rows: readonly SourceRow[]; options?: string }>> = {
  'chunk_0-00000-of-00003': { rows: oddRows(1) },
  'chunk_0-00001-of-00003': { rows: oddRows(2), options: ', COMPRESSION gzip' },
  'chunk_0-00002-of-00003': { rows: [], options: ', COMPRESSION zstd' },
};
const PROFILES = `
  odd: { steps: { process: { max_rejects: 1000 } } }
  strict: {}
`;

const rig = new Rig();
const home = rig.path('work/odd');
let run: Run;

beforeAll(async () => {
  const text = readFileSync(join(PROJECT, 'pipeline.yaml'), 'utf8');
  rig.write('pipeline.yaml', text.replace('\n  sample: {}\n', `\n  sample: {}${PROFILES}`));
  symlinkSync(join(PROJECT, 'tasks'), rig.path('tasks'));
  rig.write('source/data/.keep', '');
  for (const [name, { rows, options = '' }] of Object.entries(SOURCES)) {
    await writeSource(rig.path(`plain-${name}.parquet`), rows, options);
    // A column more, and in another order.
    await rig.parquet(
      `source/data/${name}.parquet`,
      `SELECT claims, 7 AS more, * EXCLUDE (claims) FROM '{root}/plain-${name}.parquet'`,
    );
  }
  run = await rig.run('--profile', 'odd', '--set', 'sample_dir=source', 'partition');
});
afterAll(() => rig.close());

describe.each(TABLES)('%s', (table) => {
  test.each(Object.keys(SOURCES))(
    'of %s: rows, account and rejects are those of the rules',
    async (key) => {
      const wanted = expectedTable(table, SOURCES[key]?.rows ?? []);
      const { rows, metadata } = await read(`flat/${table}/${key}.parquet`);
      expect(rowDifference(rows, wanted.rows)).toEqual(NO_DIFFERENCE);
      checkFormat(metadata, CONTRACTS[table]);
      const drops = Object.entries(wanted.drops).filter(([, entries]) => entries > 0);
      const done = run.events.find(
        (event) => event.type === 'target-done' && event.target === `process:${table}@${key}`,
      );
      expect(done).toMatchObject({ rows: wanted.rows.length });
      expect(done).toHaveProperty('account', {
        entriesIn: wanted.entriesIn,
        kept: wanted.kept,
        drops: Object.fromEntries(drops),
      });
      const path = `rejects/process/${table}/${key}.parquet`;
      expect(rig.exists(`work/odd/${path}`)).toBe(wanted.rejects.length > 0);
      if (wanted.rejects.length === 0) return;
      const rejects = await read(path);
      expect(rejects.rows.map(({ id, text }) => ({ id, text }))).toEqual(wanted.rejects);
      for (const { error } of rejects.rows) expect(error).toMatch(/\w/);
    },
  );

  test.each(Object.keys(SOURCES))('of %s: the manifest says what is in each file', async (key) => {
    const by = table === 'links' ? 'site' : 'language';
    const flat = await read(`flat/${table}/${key}.parquet`);
    const manifest = await read(`audit/partition/${table}/${key}.parquet`);
    const names = partitionNames(manifest.rows.map(({ value }) => value as string | null));
    const seen: string[] = [];
    for (const { path, value, rows, min_id, max_id, bytes } of manifest.rows) {
      expect(path).toBe(
        `results/${table}/${by}=${names.get(value as string | null)}/${key}.parquet`,
      );
      const part = await read(String(path));
      // All rows of the value, and in the order in which they came.
      expect(part.rows).toEqual(flat.rows.filter((row) => row[by] === value));
      const ids = part.rows.flatMap(({ id }) => (typeof id === 'string' ? [id] : [])).sort();
      expect({ rows, min_id, max_id, bytes }).toEqual({
        rows: BigInt(part.rows.length),
        min_id: ids[0] ?? null,
        max_id: ids.at(-1) ?? null,
        bytes: BigInt(part.bytes),
      });
      checkFormat(part.metadata, CONTRACTS[table]);
      seen.push(String(path));
    }
    expect(manifest.rows.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(flat.rows.length);
    expect(partsOf(table, key)).toEqual(seen.sort());
  });
});

test('one reject more than allowed fails the table, says why, and leaves nothing', async () => {
  const args = ['--profile', 'strict', '--set', 'sample_dir=source', 'process:labels'];
  const strict = await rig.run(...args);
  expect(strict.code).toBe(1);
  expect(strict.done.filter((target) => target.startsWith('process'))).toEqual([
    'process:labels@chunk_0-00002-of-00003',
  ]);
  for (const { target, failure } of strict.events.filter(({ type }) => type === 'target-failed')) {
    const key = target.slice(target.indexOf('@') + 1);
    const { rejects } = expectedTable('labels', SOURCES[key]?.rows ?? []);
    expect(failure.code).toBe('too-many-rejects');
    expect(failure.message).toBe(`${rejects.length} rejects, 0 allowed (max_rejects)`);
    const lines = rig
      .read(`work/strict/logs/process/labels/${key}.rejects.jsonl`)
      .trim()
      .split('\n');
    expect(lines).toHaveLength(rejects.length);
    expect(rig.exists(`work/strict/flat/labels/${key}.parquet`)).toBe(false);
  }
  expect(rig.exists('work/strict/rejects')).toBe(false);
});

test('a source without a column, or with another type, is refused by file and column', async () => {
  const files = {
    'chunk_0-0-of-3': '* EXCLUDE (claims)',
    'chunk_0-1-of-3': "* REPLACE ({'P1': 1} AS claims)",
    'chunk_0-2-of-3': '* REPLACE (encode(claims) AS claims, 5 AS labels)',
  };
  for (const [name, columns] of Object.entries(files)) {
    await rig.parquet(
      `refused/data/${name}.parquet`,
      `SELECT ${columns} FROM '{root}/plain-chunk_0-00000-of-00003.parquet'`,
    );
  }
  const args = ['--profile', 'odd', '--set', 'sample_dir=refused', '--work', rig.path('other')];
  const refused = await rig.run(...args, 'process:claims', 'process:labels');
  expect(refused.code).toBe(1);
  const failures = Object.fromEntries(
    refused.events
      .filter(({ type }) => type === 'target-failed')
      .map(({ target, failure }) => [target, failure]),
  );
  const needs = (column: string) => `, and its columns id and ${column} must be text (VARCHAR)`;
  const said = (what: string, column: string) => ({
    code: 'sql-error',
    message: expect.stringContaining(`.parquet has ${what} ${column}${needs(column)}`),
    detail: expect.stringContaining('repair the source, or leave the file out'),
    mayPass: false,
  });
  expect(failures).toEqual({
    'process:claims@chunk_0-0-of-3': said('no column', 'claims'),
    'process:claims@chunk_0-1-of-3': said('STRUCT(P1 INTEGER) in', 'claims'),
    'process:claims@chunk_0-2-of-3': said('BLOB in', 'claims'),
    'process:labels@chunk_0-2-of-3': said('INTEGER in', 'labels'),
  });
  for (const [target, { message }] of Object.entries(failures)) {
    expect(message).toContain(`${target.slice(target.indexOf('@') + 1)}.parquet`);
  }
});

function oddRows(seed: number): readonly SourceRow[] {
  return fc.sample(oddEntity, { seed, numRuns: 200 });
}

type ReadRow = Readonly<Record<string, unknown>>;

/** A Parquet file of the work folder, by a reader that has nothing to do with what wrote it. */
async function read(
  path: string,
): Promise<{ rows: readonly ReadRow[]; metadata: FileMetaData; bytes: number }> {
  const bytes = readFileSync(join(home, path));
  const file = Uint8Array.from(bytes).buffer;
  const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
  const rows = await parquetReadObjects({ file, compressors });
  return { rows, metadata: parquetMetadata(file), bytes: bytes.length };
}

/** The columns of the contract, in its order, and zstd. */
function checkFormat({ schema, row_groups }: FileMetaData, contract: Schema): void {
  const columns = schema
    .slice(1)
    .map(({ name, type, converted_type }) => [name, converted_type === 'UTF8' ? 'text' : type]);
  expect(columns).toEqual(
    contract.fields.map(({ name, type }) => [
      name,
      DataType.isUtf8(type) ? 'text' : DataType.isInt(type) ? 'INT32' : 'DOUBLE',
    ]),
  );
  const codecs = row_groups.flatMap((group) => group.columns.map((each) => each.meta_data?.codec));
  expect(codecs.filter((codec) => codec !== 'ZSTD')).toEqual([]);
}

/** The files under final names that a partitioned target has made. */
function partsOf(table: TableName, key: string): readonly string[] {
  const folder = join(home, 'results', table);
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.name === `${key}.parquet`)
      .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1))
      .sort();
  } catch {
    return []; // No rows, no folder.
  }
}
