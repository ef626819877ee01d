// The SQL of the five tables against an independent reading of the same rules: row for row, with
// the account and the rejects, on the generated sample, on random odd entities, and on real rows
// where they are at hand.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataType, type Schema } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliases, claims, descriptions, labels, links } from '../tasks/tables.ts';
import { oddEntity } from './reference/odd-entities.ts';
import { NO_DIFFERENCE, rowDifference } from './reference/row-difference.ts';
import { expectedTable, type SourceRow, type TableName } from './reference/wikidata.ts';
import {
  readSource,
  runSqlFile,
  type Written,
  withFolder,
  writeSample,
  writeSource,
} from './table-fixture.ts';

const CONTRACTS: Readonly<Record<TableName, Schema>> = {
  labels,
  descriptions,
  aliases,
  links,
  claims,
};
const COLUMNS = ['labels', 'descriptions', 'aliases', 'sitelinks', 'claims'] as const;
const TABLES: readonly TableName[] = ['labels', 'descriptions', 'aliases', 'links', 'claims'];

describe('the SQL of each table', () => {
  it('gives what the rules say for every file of the sample', async () => {
    await withSample(async (files) => {
      const source = await readSource(files);
      for (const table of TABLES) {
        const written = await runSqlFile({ name: table, input: files });
        check(table, written, source);
        expect(written.rows.length).toBeGreaterThan(1000);
      }
    });
  });

  for (const table of TABLES) {
    it(`gives what the rules say for odd entities: ${table}`, async () => {
      await withFolder(async (folder) => {
        const path = join(folder, 'odd.parquet');
        const odd = fc.asyncProperty(fc.array(oddEntity, { maxLength: 60 }), async (source) => {
          await writeSource(path, source);
          check(table, await runSqlFile({ name: table, input: [path] }), source);
        });
        await fc.assert(odd, { numRuns: 30 });
      });
    });
  }

  it('takes a column of any kind', async () => {
    const columns = [null, 'null', '{}', '[]', ' [ ] ', '[1]', '5', '"text"', 'false', 'broken'];
    const maps = ['null', '5', '"text"', '[]', '{}', '[null]', '[5]', '[[]]', '[{}]'];
    const texts = [...columns, ...maps.map((value) => `{"en":${value}}`)];
    const source = texts.map((text) => sameInEveryColumn('Q1', text));
    await withFolder(async (folder) => {
      const path = join(folder, 'kinds.parquet');
      await writeSource(path, source);
      for (const table of TABLES) {
        check(table, await runSqlFile({ name: table, input: [path] }), source);
      }
    });
  });

  it.each([
    ['more row groups than ranges', ', ROW_GROUP_SIZE 2048', 19_000],
    ['two row groups', ', ROW_GROUP_SIZE 2048, COMPRESSION zstd', 2100],
    ['one row group of 10,000 rows', ', ROW_GROUP_SIZE 10240, COMPRESSION gzip', 10_000],
    ['not compressed', ', COMPRESSION uncompressed', 300],
  ])('reads a file however it was written: %s', async (_, options, rows) => {
    const source = Array.from({ length: rows }, (_row, index) => plainRow(index));
    await withFolder(async (folder) => {
      const paths = ['one', 'other'].map((name) => join(folder, `${name}.parquet`));
      const halves = [source.slice(0, rows - 100), source.slice(rows - 100)];
      for (const [at, path] of paths.entries()) await writeSource(path, halves[at] ?? [], options);
      for (const table of TABLES) {
        check(table, await runSqlFile({ name: table, input: paths }), source);
      }
    });
  });

  it('takes fields of megabytes', async () => {
    const text = 'x\\u00e9'.repeat(800_000);
    const large = (column: keyof SourceRow, index: number): SourceRow => {
      const row = plainRow(index);
      return { ...row, [column]: row[column]?.replace(/"[ntv]\d+"/, `"${text}"`) };
    };
    const source = COLUMNS.map(large);
    await withFolder(async (folder) => {
      const path = join(folder, 'large.parquet');
      await writeSource(path, source);
      for (const table of TABLES) {
        const written = await runSqlFile({ name: table, input: [path] });
        check(table, written, source);
        expect(Math.max(...written.rows.map((row) => JSON.stringify(row).length))).toBeGreaterThan(
          1_600_000,
        );
      }
    });
  });

  it('reads what is not quite JSON as DuckDB does: NaN, Infinity, a comma too many', async () => {
    const snak = (precision: string) =>
      `{"P1":[{"mainsnak":{"property":"P1","property-labels":{"en":"p",},"datatype":"time",
        "datavalue":{"time":"t","precision":${precision}}},"rank":"normal"},]}`;
    const precisions = ['NaN', 'Infinity', '-Infinity', '9'];
    const source = precisions.map((text) => ({ ...emptyRow('Q1'), claims: snak(text) }));
    await withFolder(async (folder) => {
      const path = join(folder, 'loose.parquet');
      await writeSource(path, source);
      const { rows, rejects } = await runSqlFile({ name: 'claims', input: [path] });
      expect(rows.map((row) => row['precision'])).toEqual(precisions.map(Number));
      expect(rejects).toEqual([]);
    });
  });

  it('puts the rows of a property together, entities in the order of the source', async () => {
    const source = Array.from({ length: 2100 }, (_row, index) => plainRow(index));
    await withFolder(async (folder) => {
      const path = join(folder, 'ordered.parquet');
      await writeSource(path, source, ', ROW_GROUP_SIZE 2048');
      const { rows } = await runSqlFile({ name: 'claims', input: [path] });
      const order = rows.map(
        (row) => [String(row['property']), Number(String(row['id']).slice(1))] as const,
      );
      const sorted = order.toSorted(([p, a], [q, b]) => (p < q ? -1 : p > q ? 1 : a - b));
      expect(order).toEqual(sorted);
    });
  });

  it('writes the columns of its contract, also when there are no rows', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'empty.parquet');
      await writeSource(path, []);
      for (const table of TABLES) {
        const written = await runSqlFile({ name: table, input: [path] });
        expect(written.columns).toEqual(columnsOf(CONTRACTS[table]));
        check(table, written, []);
      }
    });
  });

  // Less and less, until it is too little: on the way down, what is kept between statements spills.
  it.each<[TableName, readonly number[]]>([
    ['claims', [120, 100, 80]],
    ['links', [50, 40, 30]],
  ])('writes the same bytes whatever the memory limit, and when it spills: %s', async (...args) => {
    const [name, limits] = args;
    const source = Array.from({ length: 40_000 }, (_row, index) => wideRow(index));
    await withFolder(async (folder) => {
      const path = join(folder, 'wide.parquet');
      await writeSource(path, source, ', ROW_GROUP_SIZE 2048, COMPRESSION zstd');
      const rich = await runSqlFile({ name, input: [path], memoryLimit: '4GB' });
      expect(rich.spilledBytes).toBe(0);
      let spilledBytes = 0;
      for (const megabytes of limits) {
        const run = runSqlFile({ name, input: [path], memoryLimit: `${megabytes}MB` });
        const poor = await run.catch((error: unknown) => String(error));
        if (typeof poor === 'string') {
          expect(poor).toContain('Out of Memory');
          break;
        }
        expect(digest(poor.file)).toBe(digest(rich.file));
        spilledBytes = Math.max(spilledBytes, poor.spilledBytes);
      }
      expect(spilledBytes).toBeGreaterThan(1e6);
    });
  });

  it('says of a reject why it cannot be read, and keeps the readable columns of its row', async () => {
    const readable = '{"en":{"language":"en","value":"kept"}}';
    const source = [
      { ...emptyRow('Q1'), labels: '{"en":{"language":"en","val', descriptions: readable },
      { ...emptyRow('Q2'), labels: '{"en":{"language":"en","value":"\\ud800"}}' },
    ];
    await withFolder(async (folder) => {
      const path = join(folder, 'broken.parquet');
      await writeSource(path, source);
      const labels = await runSqlFile({ name: 'labels', input: [path] });
      expect(labels.rejects).toEqual([
        {
          id: 'Q1',
          error: 'Unterminated string in JSON at position 27 (line 1 column 28)',
          text: source[0]?.labels,
        },
        { id: 'Q2', error: 'lone surrogate \\ud800 at position 32', text: source[1]?.labels },
      ]);
      const descriptions = await runSqlFile({ name: 'descriptions', input: [path] });
      expect(descriptions.rows).toEqual([{ id: 'Q1', language: 'en', description: 'kept' }]);
      expect(descriptions.rejects).toEqual([]);
    });
  });
});

describe('the SQL of partition', () => {
  it('passes on all rows in the order of its files, and counts them', async () => {
    await withFolder(async (folder) => {
      const paths = ['b', 'a'].map((name) => join(folder, `${name}.parquet`));
      for (const path of paths) await writeSource(path, [emptyRow(path), emptyRow('Q2')]);
      const { rows, accounting } = await runSqlFile({ name: 'partition', input: paths });
      expect(rows.map((row) => row['id'])).toEqual([paths[0], 'Q2', paths[1], 'Q2']);
      expect(accounting.map((row) => [row['kind'], Number(row['entries'])])).toEqual([
        ['in', 4],
        ['kept', 4],
        ['rows', 4],
      ]);
    });
  });
});

describe('the sample', () => {
  it('is the same bytes every time, and others for another seed', async () => {
    const digests = async (seed: number): Promise<readonly string[]> =>
      await withSample(async (files) => await Promise.all(files.map(digestOf)), seed);
    const [first, again, other] = [await digests(1), await digests(1), await digests(2)];
    expect(again).toEqual(first);
    expect(new Set([...first, ...other]).size).toBe(first.length + other.length);
  });

  it('has the odd cases of real rows', async () => {
    await withSample(async (files) => {
      expect(files.map((file) => file.split('/').at(-1))).toEqual([
        'chunk_0-00000-of-00003.parquet',
        'chunk_0-00001-of-00003.parquet',
        'chunk_0-00002-of-00003.parquet',
        'chunk_1-00000-of-00002.parquet',
        'chunk_1-00001-of-00002.parquet',
      ]);
      const texts = (await readSource(files)).map((row) => row.claims ?? '').join('\n');
      for (const odd of [
        /"labels":"/,
        /"property":"P\d+","datatype"/,
        /"unit":"1"/,
        /"altitude":null,"precision":null/,
        /"precision":1,/,
        /"precision":1\.0,/,
        /"precision":0\.\d+,/,
        /\\ud8[0-9a-f]{2}\\ud[cdef]/,
        /"references":/,
        /"qualifiers":/,
      ]) {
        expect(texts).toMatch(odd);
      }
      expect(texts).toMatch(/^[\n -~]*$/);
    });
  });
});

const realRows = process.env['EIDER_REAL_ROWS'];

describe.skipIf(realRows === undefined)('real rows (set EIDER_REAL_ROWS to their folder)', () => {
  const wanted = { labels: 57_206, descriptions: 152, aliases: 262, links: 332, claims: 24_277 };
  for (const table of TABLES) {
    it(`gives what the rules say: ${wanted[table]} ${table}`, async () => {
      const folder = join(realRows ?? '', 'wikidata', 'data');
      const names = (await readdir(folder)).filter((name) => name.endsWith('.parquet')).sort();
      const files = names.map((name) => join(folder, name));
      const written = await runSqlFile({ name: table, input: files });
      check(table, written, await readSource(files));
      expect(written.rows.length).toBe(wanted[table]);
      if (table !== 'claims') return;
      expect(new Set(written.rows.map((row) => row['language'])).size).toBe(287);
    });
  }
});

/** Rows as a multiset, the account, and the rejects must be those of the reference. */
function check(table: TableName, written: Written, source: readonly SourceRow[]): void {
  const wanted = expectedTable(table, source);
  expect(rowDifference(written.rows, wanted.rows)).toEqual(NO_DIFFERENCE);
  const account: Record<string, number> = {};
  for (const { kind, reason, entries } of written.accounting) {
    account[[kind, ...(reason === null ? [] : [reason])].join(' ')] = Number(entries);
  }
  const drops = Object.entries(wanted.drops)
    .filter(([, entries]) => entries > 0)
    .map(([reason, entries]) => [`drop ${reason}`, entries]);
  expect(account).toEqual({
    in: wanted.entriesIn,
    kept: wanted.kept,
    rows: wanted.rows.length,
    ...Object.fromEntries(drops),
  });
  const rejects = written.rejects.map(({ id, text }) => ({ id, text }));
  expect(rejects).toEqual(wanted.rejects);
}

function columnsOf(contract: Schema): readonly (readonly [string, string])[] {
  return contract.fields.map(({ name, type }) => {
    if (DataType.isUtf8(type)) return [name, 'VARCHAR'];
    return [name, DataType.isInt(type) ? 'INTEGER' : 'DOUBLE'];
  });
}

async function withSample<T>(use: (files: readonly string[]) => Promise<T>, seed = 1): Promise<T> {
  return await withFolder(async (folder) => {
    await writeSample(folder, { seed });
    const names = (await readdir(join(folder, 'sample'))).sort();
    return await use(names.map((name) => join(folder, 'sample', name)));
  });
}

/** An entity with one or two of each, and a statement. */
function plainRow(index: number): SourceRow {
  const record = (name: string) => `{"language":"${name}","value":"n${index}"}`;
  const map = `{"en":${record('en')},"de":${record('de')}}`;
  const labels = `{"en":"p${index % 7}","fr":"q"}`;
  const snak = `{"property":"P${index % 7}","property-labels":${labels},"datatype":"string","datavalue":"v${index}"}`;
  return {
    id: `Q${index}`,
    labels: map,
    descriptions: map,
    aliases: `{"en":[${record('en')}]}`,
    sitelinks: `{"enwiki":{"site":"enwiki","title":"t${index}"}}`,
    claims: `{"P${index % 7}":[{"mainsnak":${snak},"rank":"normal"}]}`,
  };
}

/** Much text in each, of which no two are the same. */
function wideRow(index: number): SourceRow {
  const row = plainRow(index);
  const wide = (text: string | null) =>
    text?.replaceAll(/"[ntv]\d+"/g, `"v${index}-${'x'.repeat(400)}"`) ?? null;
  return { ...row, sitelinks: wide(row.sitelinks), claims: wide(row.claims) };
}

function emptyRow(id: string): SourceRow {
  return sameInEveryColumn(id, '{}');
}

function sameInEveryColumn(id: string, text: string | null): SourceRow {
  return { id, labels: text, descriptions: text, aliases: text, sitelinks: text, claims: text };
}

async function digestOf(path: string): Promise<string> {
  return digest(await readFile(path));
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
