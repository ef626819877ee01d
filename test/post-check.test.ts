// What post_check makes of the footers of published files.
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { PROJECT, Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

test('the range of ids that are numbers is told by their value, over all row groups', async () => {
  rig = new Rig();
  const task = (name: string) => join(PROJECT, `tasks/${name}.ts`);
  rig.write('data/a.txt', '');
  rig.write(
    'pipeline.yaml',
    `name: numbers
hub: { embedded: {} }
sources: { rows: { files: data/*.txt } }
steps:
  make:
    each: file
    # In several row groups, the first of which has ids of five digits, the last of six.
    sql: SELECT (i + 90000)::INTEGER AS id, 'all' AS part FROM range(70000) row(i)
    outputs: { path: "results/part={value}/{key}.parquet", partition_by: part }
  push:
    needs: make
    each: file
    task: ${task('push')}
    publish: { dataset: local/numbers }
    with: { strip: results }
    outputs: { manifest: "published/{key}.parquet", record: "published/{key}.json" }
  post_check:
    needs: push
    each: file
    task: ${task('post_check')}
    outputs: "checked/{key}.json"
`,
  );
  const run = await rig.run();
  expect(run.events.find(({ type }) => type === 'target-failed')).toBeUndefined();
  expect(run.code).toBe(0);
});
