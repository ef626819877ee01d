// What somebody would write without a query engine: JSON.parse on every row, the rules in plain
// TypeScript (those that the tests compare with), rows appended to a table, a COPY per table that
// writes it whole and one that partitions it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DataType } from 'apache-arrow';
import * as contracts from '../tasks/tables.ts';
import { expectedTable, type SourceRow } from '../test/reference/wikidata.ts';

const [file = '', folder = ''] = process.argv.slice(2);
const COLUMNS = ['id', 'labels', 'descriptions', 'aliases', 'sitelinks', 'claims'] as const;
mkdirSync(folder, { recursive: true });
const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const reader = await instance.connect();
const writer = await instance.connect();
await writer.run('SET partitioned_write_max_open_files = 2000');

for (const [table, contract] of Object.entries(contracts)) {
  const types = contract.fields.map(({ name, type }) => {
    const kind = DataType.isUtf8(type) ? 'VARCHAR' : DataType.isInt(type) ? 'INTEGER' : 'DOUBLE';
    return { name, kind };
  });
  const columns = types.map(({ name, kind }) => `"${name}" ${kind}`).join(', ');
  await writer.run(`CREATE TABLE ${table} (${columns})`);
  const appender = await writer.createAppender(table);
  const source = table === 'links' ? 'sitelinks' : table;
  const result = await reader.stream(`SELECT id, ${source} FROM read_parquet('${file}')`);
  for await (const rows of result.yieldRowObjectJs()) {
    for (const row of rows) {
      const empty = Object.fromEntries(COLUMNS.map((name) => [name, '{}']));
      const entity: SourceRow = Object.assign(empty as Record<keyof SourceRow, string>, row);
      for (const made of expectedTable(table as keyof typeof contracts, [entity]).rows) {
        for (const { name, kind } of types) {
          const value = made[name] ?? null;
          if (value === null) appender.appendNull();
          else if (kind === 'VARCHAR') appender.appendVarchar(String(value));
          else if (kind === 'INTEGER') appender.appendInteger(Number(value));
          else appender.appendDouble(Number(value));
        }
        appender.endRow();
      }
    }
  }
  appender.closeSync();
  const options = 'FORMAT parquet, COMPRESSION zstd';
  await writer.run(`COPY ${table} TO '${join(folder, table)}.parquet' (${options})`);
  const by = table === 'links' ? 'site' : 'language';
  await writer.run(`COPY ${table} TO '${join(folder, table)}' (${options},
    PARTITION_BY (${by}), WRITE_PARTITION_COLUMNS true)`);
  await writer.run(`DROP TABLE ${table}`);
}
