// Splitting Parquet files without their values: what DuckDB and a second reader find in the parts
// is what was in the files, in its order.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/executor/duckdb.ts';
import { UnsupportedParquet } from '../src/parquet/flat-file.ts';
import { type Part, type SplitRequest, splitParquet } from '../src/parquet/split.ts';

const folder = mkdtempSync(join(tmpdir(), 'eider-split-'));
let database: Database;
let count = 0;
beforeAll(async () => {
  database = await openDatabase({ memoryBytes: 0, temporaryFolder: folder, root: folder });
});
afterAll(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

async function write(query: string, options = ', COMPRESSION zstd'): Promise<string> {
  const path = join(folder, `${count++}.parquet`);
  await database.rows(`COPY (${query}) TO '${path}' (FORMAT parquet${options})`);
  return path;
}

async function split(
  files: readonly string[],
  options: Partial<SplitRequest> = {},
): Promise<readonly Part[]> {
  const parts = join(folder, `parts-${count++}`);
  mkdirSync(parts);
  const { signal } = new AbortController();
  return await splitParquet({
    files,
    column: 'language',
    idColumn: 'id',
    folder: parts,
    signal,
    ...options,
  });
}

/** Every part has exactly the rows of its value, and its facts are true. */
async function check(files: readonly string[], parts: readonly Part[]): Promise<void> {
  const values = await database.rows('SELECT DISTINCT language FROM read_parquet($files)', {
    files,
  });
  const sorted = (list: readonly unknown[]) => list.map(String).sort();
  expect(sorted(parts.map(({ value }) => value))).toEqual(
    sorted(values.map(({ language }) => language)),
  );
  for (const part of parts) {
    const wanted = await database.rows(
      `SELECT * FROM read_parquet($files) WHERE language IS NOT DISTINCT FROM $value::VARCHAR`,
      { files, value: part.value },
    );
    const found = await database.rows('SELECT * FROM read_parquet($path)', { path: part.path });
    expect(found).toEqual(wanted);
    const [facts] = await database.rows(
      'SELECT count(*)::INTEGER AS rows, min(id)::VARCHAR AS minId, max(id)::VARCHAR AS maxId ' +
        'FROM read_parquet($path)',
      { path: part.path },
    );
    expect({ rows: part.rows, minId: part.minId, maxId: part.maxId }).toEqual(facts);
    const bytes = readFileSync(part.path);
    expect(part.bytes).toBe(bytes.length);
    await readAgain(bytes, part);
  }
}

/** A reader that has nothing to do with DuckDB finds as many rows and the same ids. */
async function readAgain(bytes: Buffer, { rows, minId, maxId, path }: Part): Promise<void> {
  const file = Uint8Array.from(bytes).buffer;
  const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };
  const found = await parquetReadObjects({ file, compressors });
  const wanted = await database.rows('SELECT id, text FROM read_parquet($path)', { path });
  expect(found.map(({ id, text }) => [id, text])).toEqual(wanted.map(({ id, text }) => [id, text]));
  const statistics = parquetMetadata(file).row_groups.map(
    ({ columns }) => columns[0]?.meta_data?.statistics,
  );
  expect(rows).toBe(found.length);
  if (typeof found[0]?.['id'] !== 'string') return;
  const texts = (key: 'min_value' | 'max_value') =>
    statistics.map((each) => each?.[key]).filter((value) => value !== undefined);
  expect(texts('min_value').sort()[0] ?? null).toBe(minId);
  expect(texts('max_value').sort().at(-1) ?? null).toBe(maxId);
}

const TYPES = `SELECT 'Q' || (i * 7 % 1000) AS id,
  CASE WHEN i % 50 = 0 THEN NULL ELSE ['en', 'de', '', 'ключ', 'zh-hans'][1 + i % 5] END AS language,
  CASE WHEN i % 3 > 0 THEN repeat('é', i % 90) END AS text, NULL::VARCHAR AS none, 'same' AS same,
  (i % 11)::INTEGER AS small, i * 10000000000 AS large, (i / 7)::DOUBLE AS fraction,
  (i / 7)::FLOAT AS single, CASE WHEN i % 9 = 0 THEN 'nan'::DOUBLE ELSE -i END AS strange,
  (i % 7)::UINTEGER AS unsigned, DATE '2020-01-01' + (i % 40)::INTEGER AS day,
  TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS moment, 'x'::BLOB AS blob
  FROM range($rows) r(i)`;

test.each([
  ['as the runner writes', ', COMPRESSION zstd, ROW_GROUP_SIZE 32768'],
  ['small row groups', ', COMPRESSION zstd, ROW_GROUP_SIZE 2048'],
  ['without compression', ', COMPRESSION uncompressed'],
  ['without dictionaries', ', COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 1'],
  ['large dictionaries', ', COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 200000, ROW_GROUP_SIZE 100000'],
])('all types arrive, each row in the part of its value: %s', async (_, options) => {
  const file = await write(TYPES.replace('$rows', '5000'), options);
  await check([file], await split([file]));
});

test('rows of several files follow one another, also when a window holds only some', async () => {
  const query = TYPES.replace('$rows', '5000');
  const files = [
    await write(query, ', COMPRESSION zstd, ROW_GROUP_SIZE 2048'),
    await write(`SELECT * FROM (${query}) LIMIT 0`),
    await write(`SELECT * FROM (${query}) WHERE language <> 'en' OR id LIKE '%9'`),
  ];
  for (const windowBytes of [1, 100_000]) {
    const parts = await split(files, { windowBytes });
    await check(files, parts);
    const groups = await database.rows(
      'SELECT DISTINCT row_group_id FROM parquet_metadata($path)',
      { path: parts[1]?.path ?? '' },
    );
    expect(groups.length).toBeGreaterThan(1);
  }
});

test('whatever the values of a column are, they are read as they were written', async () => {
  const column = fc.record({
    values: fc.array(fc.option(fc.string({ unit: 'binary', maxLength: 300 })), {
      minLength: 1,
      maxLength: 20,
    }),
    run: fc.integer({ min: 1, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(column, fc.integer({ min: 0, max: 700 }), async ({ values, run }, rows) => {
      const clean = values.map((value) => value?.replaceAll('\ufeff', '').toWellFormed() ?? null);
      await database.rows('CREATE OR REPLACE TEMP TABLE v AS SELECT $clean::VARCHAR[] AS list', {
        clean,
      });
      const file = await write(
        `SELECT list[1 + i % len(list)] AS id, list[1 + (i // ${run}) % len(list)] AS text,
           'l' || (i % 3) AS language FROM v, range(${rows}) r(i)`,
      );
      await check([file], await split([file]));
    }),
    { numRuns: 40 },
  );
});

test('ids that are numbers have a range as numbers', async () => {
  const file = await write(
    `SELECT i - 50 AS id, 'en' AS language, '' AS text FROM range(1000) r(i)`,
  );
  expect(await split([file])).toMatchObject([{ value: 'en', minId: '-50', maxId: '949' }]);
});

test('the same rows give the same bytes, however they were cut into files before', async () => {
  const query = TYPES.replace('$rows', '4000');
  const whole = await split([await write(query)]);
  const cut = await split([
    await write(`SELECT * FROM (${query}) LIMIT 1500`, ', COMPRESSION uncompressed'),
    await write(`SELECT * FROM (${query}) OFFSET 1500`, ', COMPRESSION zstd, ROW_GROUP_SIZE 2048'),
  ]);
  const digests = (parts: readonly Part[]) => parts.map(({ value, sha256 }) => [value, sha256]);
  expect(digests(cut)).toEqual(digests(whole));
});

test.each([
  ['lists', `SELECT 'Q1' AS id, 'en' AS language, [1] AS text`],
  ['no such column', `SELECT 'Q1' AS id, '' AS text`],
  ['numbers to split by', `SELECT 'Q1' AS id, 1 AS language`],
  ['booleans', `SELECT 'Q1' AS id, 'en' AS language, true AS text`],
  ['dates as ids', `SELECT DATE '2020-01-01' AS id, 'en' AS language`],
])('what it cannot split it leaves to others: %s', async (_, query) => {
  const file = await write(query);
  await expect(split([file])).rejects.toThrow(UnsupportedParquet);
});

test('files with different columns, other codecs and damaged ones are left to others', async () => {
  const file = await write(TYPES.replace('$rows', '100'));
  const other = await write(`SELECT 'Q1' AS id, 'en' AS language`);
  await expect(split([file, other])).rejects.toThrow(UnsupportedParquet);
  const gzip = await write(TYPES.replace('$rows', '100'), ', COMPRESSION gzip');
  await expect(split([gzip])).rejects.toThrow(UnsupportedParquet);
  const bytes = readFileSync(file);
  for (const at of [bytes.length - 6, bytes.length - 100, 30]) {
    const damaged = Uint8Array.from(bytes);
    damaged.fill(0xff, at, at + 4);
    const path = join(folder, `${count++}.parquet`);
    writeFileSync(path, damaged);
    await expect(split([path])).rejects.toThrow(UnsupportedParquet);
  }
});

test('it ends when it is told to', async () => {
  const file = await write(
    TYPES.replace('$rows', '9000'),
    ', COMPRESSION zstd, ROW_GROUP_SIZE 2048',
  );
  const abort = new AbortController();
  const onShare = () => abort.abort();
  await expect(split([file], { signal: abort.signal, onShare })).rejects.toThrow(/abort/);
});
