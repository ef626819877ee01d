// Every kind of edit, one at a time, from the same finished run: what `-n` says and what `explain`
// says of the last target, word for word, and exactly which targets run then.
import { readFileSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig, sourceRows, targets } from './rig.ts';

// Three or four commands a test.

const STEPS = `
  weigh: { task: weigh, with: { weight: 1 }, outputs: weight.txt }
  versioned: { task: versioned, outputs: versioned.txt }
  imports: { task: imports, outputs: imports.txt }
  batched: { needs: partition, each: batch, run: "cat {input} | wc -c > {output}", outputs: "b/{batch}.txt" }
`;
const PROFILES = `
profiles: { other: { vars: { factor: 5 } } }
`;
const FLAT = 'outputs: flat/{key}.parquet';
const CHECKED = 'outputs: { path: "flat/{key}.parquet", contract: "tasks/tables.ts#rows" }';

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  base.write(
    'tasks/tables.ts',
    `import { Field, Int64, Schema, Utf8 } from '${import.meta.resolve('apache-arrow')}';
const [id, lang] = [new Field('id', new Utf8()), new Field('lang', new Utf8())];
export const rows = new Schema([id, lang, new Field('n', new Int64())]);
`,
  );
  const weight = "with: { type: 'object', properties: { weight: { type: 'number' } } },";
  base.task('weigh', "fs.writeFileSync(output.path, 'weight ' + context.with.weight);", weight);
  base.task('versioned', "fs.writeFileSync(output.path, 'text');", 'version: 1,');
  base.write('tasks/lib/word.ts', "export const word = 'one';\n");
  base.task('imports', 'fs.writeFileSync(output.path, word);');
  base.edit(
    'tasks/imports.ts',
    'import * as fs',
    "import { word } from './lib/word.ts';\nimport * as fs",
  );
  base.edit('pipeline.yaml', FLAT, CHECKED);
  base.edit('pipeline.yaml', '{part}.parquet"', '{part}.parquet", groups: { batch: { files: 2 } }');
  base.write('pipeline.yaml', `${base.read('pipeline.yaml')}${STEPS}${PROFILES}`);
  expect(await base.ran()).toHaveLength(17);
  expect(await base.ran('--profile', 'other')).toHaveLength(17);
});
afterAll(() => base.close());

interface Edit {
  readonly edit?: (rig: Rig) => unknown;
  readonly args?: readonly string[];
  /** Of a dry run, the lines that give reasons. */
  readonly preview: readonly string[];
  /** What `explain total` says before it tells when that was made. */
  readonly explain?: readonly string[];
  /** Otherwise the same targets fail. */
  readonly fails?: true;
  readonly runs: readonly string[];
}

const PENDING = 'total may run, if what it waits for comes out different';
const all = (step: string) => `  comes from ${step}@chunk_0-0 and 2 more like it`;
const afterPartition = [
  ...targets('partition', 'merge', 'total'),
  'batched@batch=0',
  'batched@batch=1',
];
const afterProcess = [...targets('process'), ...afterPartition];
const chainOf = (file: string) => ['pull', 'process', 'partition'].map((step) => `${step}@${file}`);

const SQL = 'sql tasks/process.sql: DIGEST -> DIGEST';
const TASK = (name: string) => `task tasks/${name}.ts (or what it imports): DIGEST -> DIGEST`;
const COLUMNS = 'id VARCHAR, lang VARCHAR, n BIGINT';

const EDITS: Readonly<Record<string, Edit>> = {
  'a parameter': {
    edit: (rig) => rig.edit('pipeline.yaml', '{ weight: 1 }', '{ weight: 2 }'),
    preview: ['weigh: parameter weight: 1 -> 2'],
    runs: ['weigh'],
  },
  'a parameter more': {
    edit: (rig) =>
      rig.edit('pipeline.yaml', 'task: versioned,', 'task: versioned, with: { a: { b: 1 } },'),
    preview: ['versioned: parameter a: (not set) -> {"b":1}'],
    runs: ['versioned'],
  },
  'the meaning of SQL': {
    edit: (rig) => rig.edit('tasks/process.sql', '$factor', '$factor + 1'),
    preview: [`process: ${SQL} (3 targets)`],
    explain: [PENDING, all('process'), `    because ${SQL}`],
    runs: afterProcess,
  },
  'the form of SQL': {
    edit: (rig) => rig.edit('tasks/process.sql', 'SELECT id,', '/* all */ select id ,\n'),
    preview: [],
    runs: [],
  },
  'SQL in the pipeline': {
    edit: (rig) => rig.edit('pipeline.yaml', 'SELECT * FROM', 'SELECT *, 1 AS one FROM'),
    preview: [
      'partition: sql: SELECT * FROM read_parquet($input, hive_partitioning = false) -> ' +
        'SELECT *, 1 AS one FROM read_parquet($input, hive_partitioning = false) (3 targets)',
    ],
    runs: afterPartition,
  },
  'a task without a version': {
    edit: (rig) => rig.edit('tasks/weigh.ts', 'weight ', 'mass '),
    preview: [`weigh: ${TASK('weigh')}`],
    runs: ['weigh'],
  },
  'the version of a task': {
    edit: (rig) => rig.edit('tasks/versioned.ts', 'version: 1', 'version: 2'),
    preview: ['versioned: task tasks/versioned.ts: version 1 -> version 2'],
    runs: ['versioned'],
  },
  'what a task imports': {
    edit: (rig) => rig.edit('tasks/lib/word.ts', 'one', 'two'),
    preview: [`imports: ${TASK('imports')}`],
    runs: ['imports'],
  },
  'a command': {
    edit: (rig) => rig.edit('pipeline.yaml', 'sha256sum', 'sha1sum'),
    preview: [
      'merge: command: cat {input} | sha256sum > {output} -> ' +
        'cat {input} | sha1sum > {output} (2 targets)',
    ],
    runs: targets('merge', 'total'),
  },
  'the kind of rule': {
    edit: (rig) => rig.edit('pipeline.yaml', 'sql: tasks/process.sql', 'run: cp {input} {output}'),
    preview: ['process: rule: sql -> run; value factor: 2 -> (not set) (3 targets)'],
    runs: afterProcess,
  },
  'a variable': {
    edit: (rig) => rig.edit('pipeline.yaml', 'factor: 2', 'factor: 3'),
    preview: ['process: value factor: 2 -> 3 (3 targets)'],
    explain: [PENDING, all('process'), '    because value factor: 2 -> 3'],
    runs: afterProcess,
  },
  'a value of the profile': {
    edit: (rig) => rig.edit('pipeline.yaml', 'factor: 5', 'factor: 6'),
    args: ['--profile', 'other'],
    preview: ['process: value factor: 5 -> 6 (3 targets)'],
    runs: afterProcess,
  },
  'an output template': {
    edit: (rig) => rig.edit('pipeline.yaml', 'flat/{key}', 'even/{key}'),
    preview: ['process: output path: flat/{key}.parquet -> even/{key}.parquet (3 targets)'],
    explain: [
      PENDING,
      all('process'),
      '    because output path: flat/{key}.parquet -> even/{key}.parquet',
    ],
    runs: targets('process'),
  },
  'the column and template of a partitioned output': {
    edit: (rig) =>
      rig.edit(
        'pipeline.yaml',
        'lang={value}/{key}.parquet", partition_by: lang',
        'id={value}/{key}.parquet", partition_by: id',
      ),
    preview: [
      'partition: output path: results/lang={value}/{key}.parquet -> ' +
        'results/id={value}/{key}.parquet; output partition_by: lang -> id (3 targets)',
    ],
    runs: afterPartition,
  },
  'the form of a contract': {
    edit: (rig) => rig.edit('tasks/tables.ts', "'n', new Int64()", "'n', new Int64(), true"),
    preview: [],
    runs: [],
  },
  'the columns of a contract': {
    edit: (rig) => rig.edit('tasks/tables.ts', "'n'", "'m'"),
    preview: [
      `process: contract of output: ${COLUMNS} -> id VARCHAR, lang VARCHAR, m BIGINT (3 targets)`,
    ],
    fails: true,
    runs: targets('process'),
  },
  'a contract less': {
    edit: (rig) => rig.edit('pipeline.yaml', CHECKED, FLAT),
    preview: [`process: contract of output: ${COLUMNS} -> (not set) (3 targets)`],
    runs: targets('process'),
  },
  'a source file': {
    edit: (rig) => rig.source('0-0', `${sourceRows('5-5')} LIMIT 11`),
    preview: ['pull@chunk_0-0: input source: N bytes -> N bytes'],
    explain: [
      PENDING,
      '  comes from pull@chunk_0-0',
      '    because input source: N bytes -> N bytes',
    ],
    runs: [...chainOf('chunk_0-0'), 'merge@chunk=0', 'batched@batch=0', 'total'],
  },
  'a source file, of the same length': {
    edit: (rig) => {
      const bytes = readFileSync(rig.path('data/chunk_0-0.parquet'));
      // The name of a column in the footer: `lang` becomes `lanh`.
      bytes.writeUInt8('h'.charCodeAt(0), bytes.lastIndexOf('lang') + 3);
      rig.write('data/chunk_0-0.parquet', bytes);
    },
    args: ['pull'],
    preview: ['pull@chunk_0-0: input source: DIGEST -> DIGEST'],
    runs: ['pull@chunk_0-0'],
  },
  'the time of a source file': {
    edit: (rig) => utimesSync(rig.path('data/chunk_0-0.parquet'), new Date(0), new Date(0)),
    preview: [],
    runs: [],
  },
  'the name of a step': {
    edit: (rig) => {
      rig.edit('pipeline.yaml', '  process:', '  compute:');
      rig.edit('pipeline.yaml', 'needs: process', 'needs: compute');
    },
    preview: [
      'compute: it was never made (3 targets)',
      'partition: input compute is new; input process is gone (3 targets)',
    ],
    explain: [
      PENDING,
      all('compute'),
      '    because it was never made',
      all('partition'),
      '    because input process is gone',
    ],
    // What comes out is the same, so nothing after it runs.
    runs: [...targets('process'), ...targets('partition')].map((name) =>
      name.replace('process', 'compute'),
    ),
  },
  'a step less': {
    edit: (rig) => rig.edit('pipeline.yaml', STEPS.split('\n')[1] ?? '', ''),
    preview: [],
    runs: [],
  },
  'a file more in a group': {
    edit: (rig) => rig.source('1-1'),
    preview: [
      ...chainOf('chunk_1-1').map((name) => `${name}: it was never made`),
      'merge@chunk=1: input partition@chunk_1-1 is new',
      'batched@batch=2: it was never made',
    ],
    explain: [PENDING, '  comes from pull@chunk_1-1', '    because it was never made'],
    runs: [...chainOf('chunk_1-1'), 'merge@chunk=1', 'batched@batch=2', 'total'],
  },
  'a file less in a group': {
    edit: (rig) => rig.remove('data/chunk_0-1.parquet'),
    preview: [
      'merge@chunk=0: input partition@chunk_0-1 is gone',
      'batched@batch=0: input partition@chunk_0-1 is gone',
    ],
    explain: [
      PENDING,
      '  comes from merge@chunk=0',
      '    because input partition@chunk_0-1 is gone',
    ],
    runs: ['merge@chunk=0', 'batched@batch=0', 'total'],
  },
  'an output that is gone': {
    edit: (rig) => rig.remove('work/default/flat/chunk_0-1.parquet'),
    preview: ['process@chunk_0-1: output flat/chunk_0-1.parquet is missing'],
    explain: [
      PENDING,
      '  comes from process@chunk_0-1',
      '    because output flat/chunk_0-1.parquet is missing',
    ],
    runs: ['process@chunk_0-1'],
  },
};

test.each(Object.entries(EDITS))(
  '%s',
  async (_, { edit, args = [], preview, runs, ...expected }) => {
    const rig = base.copy();
    await edit?.(rig);
    const dry = await rig.command(['-n', ...args]);
    expect([dry.code, dry.stderr, reasonsOf(dry.stdout)]).toEqual([0, '', preview]);
    if (expected.explain !== undefined) {
      const { stdout } = await rig.command(['explain', 'total', ...args]);
      expect(verdictOf(stdout)).toEqual(expected.explain);
    }
    const run = await rig.run(...args);
    expect(expected.fails === true ? run.failed : run.done).toEqual([...runs].sort());
    expect(run.code).toBe(expected.fails === true ? 1 : 0);
    rig.close();
  },
);

test('explain --json gives every cause with its old and new value', async () => {
  const args = ['explain', 'total', '--json', '--set', 'factor=3'];
  const { stdout } = await base.command(args);
  const { state, causes } = JSON.parse(stdout);
  expect(state).toBe('pending');
  expect(causes).toHaveLength(3);
  expect(causes[0]).toEqual({
    target: 'process@chunk_0-0',
    relation: 'upstream',
    reasons: [
      { kind: 'field', field: 'value factor', before: 2, after: 3, text: 'value factor: 2 -> 3' },
    ],
  });
});

const KEPT =
  'warning: The groups "batch" of source "rows" were formed by "files: 2" and stay as they are; ' +
  '"files: 3" is only for files that are new.';

test('another size of computed groups is told, and how to form them anew', async () => {
  const rig = base.copy();
  rig.edit('pipeline.yaml', 'files: 2', 'files: 3');
  for (const args of [['validate'], ['-n'], ['--reporter', 'plain']]) {
    const { code, stderr } = await rig.command(args);
    expect([code, stderr]).toEqual([0, expect.stringContaining(KEPT)]);
    expect(stderr).toContain('delete work/default/state/@source-rows.groups.json');
  }
  expect(await rig.ran()).toEqual([]);
  rig.remove('work/default/state/@source-rows.groups.json');
  const { stdout, stderr } = await rig.command(['-n']);
  expect([stderr, reasonsOf(stdout)]).toEqual([
    '',
    ['batched@batch=0: input partition@chunk_1-0 is new'],
  ]);
  expect(await rig.ran()).toEqual(['batched@batch=0']);
  expect((await rig.command(['validate'])).stderr).toBe('');
  rig.close();
});

/** The paragraph after the table; a plan with nothing to do has none. */
function reasonsOf(text: string): readonly string[] {
  const end = text.search(/\n\ntime: /);
  if (end < 0) return [];
  return plain(text.slice(text.slice(0, end).lastIndexOf('\n\n') + 2, end)).split('\n');
}

function verdictOf(text: string): readonly string[] {
  return plain(text.slice(0, text.search(/\n {2}last made/))).split('\n');
}

/** Digests and sizes are no text of ours. */
function plain(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{12}\b/g, 'DIGEST').replaceAll(/\b\d+ bytes/g, 'N bytes');
}
