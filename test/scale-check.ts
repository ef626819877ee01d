// Holds what lies in the datasets of a Hub's folder against what the sources must give: the rows and
// ids of every partition, each file in exactly one manifest, nothing left in the work folder.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { CommitStore } from '../src/hub/server/commit-store.ts';
import { ContentStore } from '../src/hub/server/content-store.ts';
import { filesBelow } from '../src/hub/server/file-tree.ts';
import type { TableName } from './reference/wikidata.ts';
import { OWNER } from './scale-folder.ts';
import { type Found, SPLIT_BY, type Totals } from './scale-source.ts';

export interface Published {
  readonly table: TableName;
  readonly commits: number;
  readonly files: number;
  /** In the folder that has most. */
  readonly filesInFolder: number;
  readonly rows: number;
}

export interface Checked {
  readonly published: readonly Published[];
  /** What is wrong, a line each. */
  readonly flaws: readonly string[];
}

export async function checkDatasets(
  hubFolder: string,
  { tables, expected }: { readonly tables: readonly TableName[]; readonly expected: Totals },
): Promise<Checked> {
  const published: Published[] = [];
  const flaws: string[] = [];
  const instance = await DuckDBInstance.create(':memory:');
  const sql = await instance.connect();
  const ask = async (query: string) => (await sql.runAndReadAll(query)).getRowObjectsJS();
  const found = new Map<string, Found>();
  for (const table of tables) {
    const { files, commits } = await filesOf(hubFolder, table);
    const data = [...files].filter(([path]) => path.startsWith('data/'));
    const manifests = [...files].filter(([path]) => /^manifests\/[^/]+\.parquet$/.test(path));
    const contents = listOf(data.map(([, content]) => content));
    let rows = 0;
    for (const row of await ask(`SELECT ${SPLIT_BY[table]} AS value, count(*) AS rows,
        count(DISTINCT id) AS ids FROM read_parquet(${contents}) GROUP BY ALL`)) {
      const total = { rows: Number(row['rows']), ids: Number(row['ids']) };
      found.set(`${table} ${row['value']}`, total);
      rows += total.rows;
    }
    const listed = await ask(
      `SELECT path FROM read_parquet(${listOf(manifests.map(([, content]) => content))})`,
    );
    const paths = listed.map(({ path }) => String(path)).sort();
    if (
      paths.join('\n') !==
      data
        .map(([path]) => path)
        .sort()
        .join('\n')
    ) {
      flaws.push(`${table}: manifests list ${paths.length} files, and there are ${data.length}`);
    }
    const folders = Map.groupBy(data, ([path]) => path.slice(0, path.lastIndexOf('/')));
    const filesInFolder = Math.max(0, ...[...folders.values()].map(({ length }) => length));
    published.push({ table, commits, files: data.length, filesInFolder, rows });
  }
  sql.closeSync();
  instance.closeSync();
  return { published, flaws: [...flaws, ...differences(found, expected)] };
}

function differences(found: Totals, expected: Totals): readonly string[] {
  const names = new Set([...found.keys(), ...expected.keys()]);
  return [...names].flatMap((name) => {
    const [is, should] = [found.get(name), expected.get(name)];
    const show = (total: Found | undefined) =>
      total === undefined ? 'nothing' : `${total.rows} rows of ${total.ids} ids`;
    return show(is) === show(should) ? [] : [`${name}: ${show(is)}, should be ${show(should)}`];
  });
}

/** Where the content of each file of a dataset lies, by path, at its head. */
async function filesOf(folder: string, table: TableName) {
  const contents = new ContentStore({ folder, temporaryFolder: folder });
  const place = join(folder, 'repos/datasets', OWNER, `wikidata-${table}`);
  const head = readFileSync(join(place, 'refs/main'), 'utf8');
  const store = new CommitStore({ folder: place, temporaryFolder: folder });
  const files = new Map<string, string>();
  for (const { path, file } of filesBelow(await store.treeAt(head), '')) {
    const { sha256, oid } = file;
    files.set(path, sha256 === undefined ? contents.regularPath(oid) : contents.largePath(sha256));
  }
  return { files, commits: (await store.commit(head)).number };
}

function listOf(paths: readonly string[]): string {
  return `[${paths.map((path) => `'${path}'`).join(', ')}]`;
}

/** Everything that `clean` frees, and what no run should leave behind. */
export function findLeftovers(work: string): readonly string[] {
  return ['data', 'flat', 'results', 'tmp'].flatMap((name) => {
    const folder = join(work, name);
    if (!existsSync(folder)) return [];
    const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    );
    return left.length === 0 ? [] : [`${name}/ still has ${left.length} files`];
  });
}

/** Files and bytes that a run keeps for ever, by folder of the work folder. */
export function explainKept(work: string): string {
  return readdirSync(work)
    .sort()
    .map((name) => {
      const entries = readdirSync(join(work, name), { recursive: true, withFileTypes: true });
      return `${name}/ ${entries.filter((entry) => !entry.isDirectory()).length} files`;
    })
    .join(', ');
}
