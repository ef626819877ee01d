// Values of a partition column are data: whatever they hold, they become safe folder names, and
// the rows come back as they were.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesBelow, Rig } from './rig.ts';

function marked(value: string, name = value): string {
  return `${name}~${createHash('sha256').update(value).digest('hex').slice(0, 12)}`;
}

/** Values and the folder that each must have; DESIGN: percent-encoded UTF-8 and its exceptions. */
const FOLDERS: readonly (readonly [string | null, string | RegExp])[] = [
  [null, '__null__'],
  ['', '__empty__'],
  ['/', '%2F'],
  ['.', '%2E'],
  ['..', '%2E%2E'],
  ['%', '%25'],
  ['%2F', '%252F'],
  ['a b', 'a%20b'],
  ['plain-1_x', 'plain-1_x'],
  ['日本', '%E6%97%A5%E6%9C%AC'],
  ['a\\b', 'a%5Cb'],
  ['line\nbreak', 'line%0Abreak'],
  ["quote'", /^quote('|%27)$/],
  ['__null__', marked('__null__')],
  ['__empty__', marked('__empty__')],
  ['x'.repeat(300), /^x{1,187}~[0-9a-f]{12}$/],
  ['é'.repeat(100), /^(%C3%A9)+~[0-9a-f]{12}$/],
  ['../../../../escape', /^(\.|%2E){2}%2F/],
];

let rig: Rig;

beforeAll(async () => {
  rig = new Rig();
  const values = [...FOLDERS.map(([value]) => value), 'Zh', 'zh'];
  const rows = values.map((value, index) => {
    const text = value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
    return `(${index}, ${text}), (${index + 100}, ${text})`;
  });
  await rig.parquet('in.parquet', `FROM (VALUES ${rows.join(', ')}) row(id, v)`);
  rig.write(
    'pipeline.yaml',
    `name: values
sources: { rows: { files: in.parquet } }
steps:
  split:
    each: file
    sql: SELECT * FROM read_parquet($input)
    outputs: { path: "results/v={value}/{key}.parquet", partition_by: v }
  join:
    needs: split
    sql: SELECT * FROM read_parquet($input, hive_partitioning = false) ORDER BY id
    outputs: joined.parquet
`,
  );
  expect(await rig.ran()).toEqual(['join', 'split@in']);
});
afterAll(() => rig.close());

function folders(): readonly string[] {
  return filesBelow(rig.path('work/default/results')).map((name) => name.replace(/\/[^/]*$/, ''));
}

test.each(FOLDERS)('the value %j has a folder of its own', async (value, name) => {
  const [row] = await rig.rows(
    `SELECT path, rows FROM '{root}/work/default/audit/split/in.parquet'
     WHERE value IS NOT DISTINCT FROM ${value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`}`,
  );
  const folder = String(row?.['path'])
    .replace(/^results\/v=/, '')
    .replace(/\/in\.parquet$/, '');
  expect(folder).toMatch(typeof name === 'string' ? new RegExp(`^${escaped(name)}$`) : name);
  expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(200);
  expect([row?.['rows'], folders().includes(`v=${folder}`)]).toEqual(['2', true]);
});

test('twins by case have folders that no file system confuses', () => {
  const lower = folders().map((name) => name.toLowerCase());
  expect(new Set(lower).size).toBe(lower.length);
  expect(lower).toHaveLength(FOLDERS.length + 2);
  const twins = folders().filter((name) => /^v=zh/i.test(name));
  expect(twins.filter((name) => name.includes('~')).length).toBeGreaterThan(0);
});

test('the rows come back with their true values', async () => {
  const difference = await rig.rows(`(FROM '{root}/in.parquet' EXCEPT ALL
    FROM '{root}/work/default/joined.parquet') UNION ALL
    (FROM '{root}/work/default/joined.parquet' EXCEPT ALL FROM '{root}/in.parquet')`);
  expect(difference).toEqual([]);
});

test('nothing is written outside the work folder', () => {
  const names = filesBelow(rig.root).filter((name) => !name.startsWith('work/default/'));
  expect(names).toEqual(['in.parquet', 'pipeline.yaml']);
});

test('the manifest holds ids and digests of every file', async () => {
  const rows = await rig.rows(`SELECT value, min_id, max_id, rows, length(sha256) AS digits
    FROM '{root}/work/default/audit/split/in.parquet' WHERE value = 'zh'`);
  const id = FOLDERS.length + 1;
  expect(rows).toEqual([
    { value: 'zh', min_id: `${id}`, max_id: `${id + 100}`, rows: '2', digits: '64' },
  ]);
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

test('a worker has its next order before the files of its last target are put in their places', async () => {
  await rig.parquet('other.parquet', "FROM (VALUES (1, 'a'), (2, 'b')) row(id, v)");
  rig.edit('pipeline.yaml', 'files: in.parquet', 'files: "*.parquet"');
  const { events, done } = await rig.run('split', '-j', '1', '--work', 'elsewhere');
  expect(done).toEqual(['split@in', 'split@other']);
  const order = events.flatMap(({ type }) => (/^target-(started|done)$/.test(type) ? [type] : []));
  expect(order).toEqual(['target-started', 'target-started', 'target-done', 'target-done']);
});
