// Source files with the names of the real listing and a few invented entities each, and what the
// published tables must hold of them, by the reading of the rules that knows no SQL.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { realFiles } from '../bench/wikidata-files.ts';
import { createEntities } from '../tasks/sample/entity.ts';
import { expectedTable, type SourceRow, type TableName } from './reference/wikidata.ts';

/** The column that the rows of each table are split by. */
export const SPLIT_BY: Readonly<Record<TableName, string>> = {
  labels: 'language',
  descriptions: 'language',
  aliases: 'language',
  links: 'site',
  claims: 'language',
};

/** Different entities; a file has a few of them, under ids of its own. */
const ENTITIES = 40;
const ENTITIES_PER_FILE = 4;
export const LANGUAGES = 24;
/** Each language has three kinds of sites. */
export const SITES = 3 * LANGUAGES;
const SMALL = {
  seed: 1,
  claims: 3,
  languages: LANGUAGES,
  labels: 5,
  entityLabels: 8,
  properties: 40,
  items: 60,
};

/** Rows and different ids of a partition. */
export interface Found {
  readonly rows: number;
  readonly ids: number;
}
/** By table and value: `labels en`. */
export type Totals = ReadonlyMap<string, Found>;

export interface SourceFiles {
  readonly files: number;
  readonly chunks: number;
  readonly bytes: number;
  /** Of the chunk with the most. */
  readonly largestChunkBytes: number;
  /** What all of them together must give. */
  readonly expected: Totals;
}

/** Makes the files of the last `chunks` chunks of the real listing below `folder/data`. */
export async function makeSourceFiles(
  folder: string,
  { chunks, tables }: { readonly chunks: number; readonly tables: readonly TableName[] },
): Promise<SourceFiles> {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const all = realFiles();
  const total = 1 + Math.max(...all.map(({ chunk }) => chunk));
  const files = all.filter(({ chunk }) => chunk >= total - chunks);
  const entityOf = createEntities(SMALL);
  const entities = Array.from({ length: ENTITIES }, (_, entity) => entityOf(0, entity));
  const uses = new Map<number, number>();
  const bytesOf = new Map<number, number>();
  const instance = await DuckDBInstance.create(':memory:');
  const sql = await instance.connect();
  await sql.run(`CREATE TABLE entity (number INTEGER, labels VARCHAR, descriptions VARCHAR,
    aliases VARCHAR, sitelinks VARCHAR, claims VARCHAR)`);
  for (const [number, { labels, descriptions, aliases, sitelinks, claims }] of entities.entries()) {
    const values = { number, labels, descriptions, aliases, sitelinks, claims };
    await sql.run(
      'INSERT INTO entity VALUES ($number, $labels, $descriptions, $aliases, $sitelinks, $claims)',
      values,
    );
  }
  for (const [index, { key, chunk }] of files.entries()) {
    const path = join(folder, 'data', `${key}.parquet`);
    const first = (index * ENTITIES_PER_FILE) % ENTITIES;
    const last = first + ENTITIES_PER_FILE - 1;
    for (let number = first; number <= last; number += 1) {
      uses.set(number, (uses.get(number) ?? 0) + 1);
    }
    await sql.run(`COPY (SELECT 'Q' || (${index * ENTITIES} + number) AS id, * EXCLUDE number
      FROM entity WHERE number BETWEEN ${first} AND ${last} ORDER BY number)
      TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
    bytesOf.set(chunk, (bytesOf.get(chunk) ?? 0) + statSync(path).size);
  }
  sql.closeSync();
  instance.closeSync();
  return {
    files: files.length,
    chunks: bytesOf.size,
    bytes: [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0),
    largestChunkBytes: Math.max(...bytesOf.values()),
    expected: expectedTotals(entities, { tables, uses }),
  };
}

function expectedTotals(
  entities: readonly SourceRow[],
  { tables, uses }: { tables: readonly TableName[]; uses: ReadonlyMap<number, number> },
): Totals {
  const totals = new Map<string, Found>();
  for (const table of tables) {
    for (const [number, entity] of entities.entries()) {
      const times = uses.get(number) ?? 0;
      const { rows } = expectedTable(table, [entity]);
      const values = Map.groupBy(rows, (row) => row[SPLIT_BY[table]]);
      for (const [value, { length }] of values) {
        const { rows: before, ids } = totals.get(`${table} ${value}`) ?? { rows: 0, ids: 0 };
        if (times > 0)
          totals.set(`${table} ${value}`, { rows: before + length * times, ids: ids + times });
      }
    }
  }
  return totals;
}
