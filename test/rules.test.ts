// Rules of data quality over finished tables: they tell what they find and stop nothing.
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { PROJECT, Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const task = join(PROJECT, 'tasks/rules.ts');

async function withRules(rules: string): Promise<void> {
  rig = new Rig();
  await rig.parquet(
    'data/a.parquet',
    `SELECT * FROM (VALUES (1, 'a1', 1999), (2, 'b', NULL), (NULL, NULL, 3000)) t(id, name, year)`,
  );
  rig.write(
    'pipeline.yaml',
    `name: rules
sources: { rows: { files: "data/*.parquet" } }
steps:
  make:
    each: file
    sql: SELECT * FROM read_parquet($input)
    outputs: { things: "tables/{key}.parquet" }
  check:
    needs: make
    each: file
    task: ${task}
    with:
      rules:
        things:
${rules}
    outputs: { path: "quality/{key}.parquet", contract: "${task}#findings" }
`,
  );
}

test('what breaks a rule is counted, told and kept, and the run goes on', async () => {
  await withRules(`          - { column: id, required: true }
          - { column: year, range: [1860, 2100], severity: warning }
          - { column: year, range: [null, 2999] }
          - { column: name, enum: [a1, b] }
          - { column: name, regex: "[a-z][0-9]", severity: warning }
          - { column: nothing, required: true }`);
  const run = await rig.plain();
  expect(run.code).toBe(0);
  expect(run.text).toContain(`
  rules: 1 of 6 are kept by every row
    error things: id is there is broken by 1 of 3 rows
    error things: year is at most 2999 is broken by 1 of 3 rows
    error things: nothing is there could not be checked: Binder Error: `);
  expect(run.text).toContain(`
    warning things: year is 1860 to 2100 is broken by 1 of 3 rows
    warning things: name matches [a-z][0-9] is broken by 1 of 3 rows
`);
  const found = await rig.rows(
    `SELECT rule, severity, rows, broken, problem IS NOT NULL AS failed
     FROM read_parquet('{root}/work/default/quality/a.parquet')`,
  );
  expect(found).toHaveLength(6);
  expect(found[0]).toEqual({
    rule: 'id is there',
    severity: 'error',
    rows: '3',
    broken: '1',
    failed: false,
  });
  // In the journal too, and only another rule makes them stale.
  expect(rig.read('work/default/state/a.jsonl')).toContain('year is 1860 to 2100');
  expect((await rig.run()).end).toMatchObject({ nothingToDo: true });
  rig.edit('pipeline.yaml', '[a1, b]', '[a1]');
  expect(await rig.ran()).toEqual(['check@a']);
});

test('a rule that says two things at once, or none, is a mistake', async () => {
  await withRules(`          - { column: id, required: true, range: [1, 2] }
          - { column: id }`);
  const run = await rig.run();
  expect(run.code).toBe(1);
  const failure = run.events.find(({ type }) => type === 'target-failed')?.failure;
  expect(failure?.code).toBe('bad-parameters');
});
