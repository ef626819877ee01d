// The other commands, selections and options; shell steps with awkward values; checkpoints.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FILES, Rig, targets } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await Rig.small();
  expect(await rig.ran()).toHaveLength(12);
});
afterAll(() => rig.close());

interface Plan {
  readonly step: string;
}

async function check(args: readonly string[], words: RegExp, code = 0): Promise<void> {
  const result = await rig.command(args);
  expect(result.text).toMatch(words);
  expect(result.code).toBe(code);
  expect(result.text).not.toMatch(/^ +at .*\.ts:\d+/m);
}

/** What a selection brings up to date in an empty work folder. */
async function selects(words: readonly string[], ran: readonly string[]): Promise<void> {
  const run = await rig.run(
    '--work',
    `other-${words.join('')}`.replaceAll(/[^\w-]/g, '_'),
    ...words,
  );
  expect([run.code, run.done]).toEqual([0, [...ran].sort()]);
}

test('status counts each step and each group', async () => {
  await check(['status'], /pull +3 +3[\s\S]*merge +2 +2/);
  const { stdout } = await rig.command(['status', '--json']);
  const rows: Record<string, unknown>[] = JSON.parse(stdout);
  const files = rows.filter((row) => 'file' in row);
  expect(files.map(({ file, chunk, part, step }) => [file, chunk, part, step])).toEqual([
    ['chunk_0-0', '0', '0', 3],
    ['chunk_0-1', '0', '1', 3],
    ['chunk_1-0', '1', '0', 3],
  ]);
});

test('explain tells the old value, the new value and the root cause', async () => {
  await check(['explain', 'process@chunk_0-0'], /process@chunk_0-0 is up to date/);
  await check(['explain', 'total', '--set', 'factor=9'], /process[\s\S]*factor[\s\S]*2[\s\S]*9/);
});

test('log shows the log of a target, and every target that ran has one', async () => {
  await check(['log', 'merge@chunk=0'], /sha256sum/);
  await check(['log', 'pull@chunk_0-0'], /pull@chunk_0-0/);
});

test('graph speaks mermaid, dot and JSON', async () => {
  await check(['graph'], /^flowchart[\s\S]*process --> partition/);
  await check(['graph', '--format', 'dot'], /^digraph[\s\S]*"process" -> "partition"/);
  const { stdout } = await rig.command(['graph', '--format', 'json']);
  const { steps } = JSON.parse(stdout) as { steps: readonly Plan[] };
  expect(steps.map(({ step }) => step)).toEqual(['pull', 'process', 'partition', 'merge', 'total']);
});

test('graph draws whatever a step or a source is called', async () => {
  const odd = new Rig();
  odd.write(
    'pipeline.yaml',
    `name: 'say "hi"'
sources: { rows: { files: 'a "b"/*.txt' } }
steps:
  end: { each: file, run: "cat {input} > {output}", outputs: "e/{key}" }
  class: { needs: end, run: "cat {input} > {output}", outputs: "c" }
`,
  );
  const mermaid = await odd.command(['graph']);
  expect(mermaid.stdout).toContain('source_rows[("rows<br>a #quot;b#quot;/*.txt")]');
  expect(mermaid.stdout).toContain('END --> CLASS');
  const { stdout } = await odd.command(['graph', '--format', 'dot']);
  expect(stdout).toMatch(/^digraph "say \\"hi\\"" \{/);
  expect(stdout).toContain('label="rows\\na \\"b\\"/*.txt"');
  odd.close();
});

test('validate says that the pipeline is right and makes nothing', async () => {
  const fresh = await Rig.small();
  const { code, text } = await fresh.command(['validate']);
  expect([code, fresh.exists('work')]).toEqual([0, false]);
  expect(text).toMatch(/valid.*12 targets/);
  fresh.close();
});

test('a dry run tells what would run and why, and runs nothing', async () => {
  const before = rig.results();
  await check(['-n', '--set', 'factor=9'], /factor: 2 -> 9/);
  const { stdout } = await rig.command(['-n', '--json', '--set', 'factor=9']);
  const plan = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(JSON.stringify(plan)).toContain('process@chunk_0-0');
  expect(rig.results()).toEqual(before);
});

test('a selection brings itself and what it needs up to date', async () => {
  await selects(
    ['@chunk=1'],
    [...['pull', 'process', 'partition'].map((step) => `${step}@chunk_1-0`), 'merge@chunk=1'],
  );
  await selects(
    ['process@chunk=0'],
    ['pull', 'process'].flatMap((step) => [`${step}@chunk_0-0`, `${step}@chunk_0-1`]),
  );
  await selects(
    ['@chunk_1-0'],
    ['pull', 'process', 'partition'].map((step) => `${step}@chunk_1-0`),
  );
  await selects(['pro*@*_0-1'], ['pull@chunk_0-1', 'process@chunk_0-1']);
  await selects(['--until', 'process'], targets('pull', 'process'));
});

test('"+" adds what depends on the selection', async () => {
  const copy = rig.copy();
  for (const file of FILES) copy.remove(`work/default/flat/${file}.parquet`);
  copy.remove('work/default/total.txt');
  expect(await copy.ran('process@chunk_0-0')).toEqual(['process@chunk_0-0']);
  expect(await copy.ran('process@chunk_0-1+')).toEqual([
    'process@chunk_0-1',
    'process@chunk_1-0',
    'total',
  ]);
  copy.close();
});

test('--force redoes just what was named', async () => {
  const copy = rig.copy();
  expect(await copy.ran('--force', 'process@chunk=0')).toEqual([
    'process@chunk_0-0',
    'process@chunk_0-1',
  ]);
  expect(copy.results()).toEqual(rig.results());
  copy.close();
});

test.each([
  ['a step that does not exist', ['proces'], /did you mean "process"/],
  ['a cell that does not exist', ['process:claims'], /claims/],
  ['a file that does not exist', ['@chunk_0-9'], /did you mean "@chunk_0-[01]"/],
  ['a group that does not exist', ['@chunk=7'], /chunk=7/],
  ['an option that does not exist', ['--fial-fast'], /did you mean.*--fail-fast/i],
  ['a command that is misspelt', ['statsu'], /did you mean "status"/],
  ['a reporter that does not exist', ['--reporter', 'loud'], /plain/],
  ['no jobs', ['-j', '0'], /0/],
  ['a group kind that does not exist', ['pull@chnk=0'], /did you mean "pull@chunk=0"/],
  ['an option of a command', ['status', '--jsno'], /--json\?[\s\S]*pnpm pipeline status --help/],
  ['a profile that does not exist', ['--profile', 'x'], /no profile "x"/],
  ['a variable that does not exist', ['--set', 'facter=1'], /did you mean "factor"/],
  ['a variable without a value', ['--set', 'factor'], /such as --set factor=VALUE/],
  ['a pipeline file that does not exist', ['-f', 'pipelin.yml'], /did you mean "pipeline.yaml"/],
  ['a folder that does not exist', ['-C', 'nowhere'], /ENOENT[\s\S]*after -C/],
  ['a command of the Hub', ['hub', 'lss'], /Did you mean ls/],
  ['help about no command', ['help', 'statsu'], /did you mean "status"/],
  ['a target that is no single one', ['log', 'pull'], /pull@chunk_0-0, /],
] as const)('%s', async (_, args, words) => {
  await check(args, words, 2);
});

test('options may stand before a command and its own command', async () => {
  await check(['--work', 'nothing', 'hub', 'ls'], /no repositories yet/);
  await check(['help', 'hub', 'serve'], /--port/);
});

test('paths of the command line belong to the caller, those of the pipeline to its file', async () => {
  const other = new Rig();
  const inside = { cwd: other.root };
  const file = rig.path('pipeline.yaml');
  expect((await rig.command(['-f', file], inside)).stdout).toMatch(/^Nothing to do/);
  expect((await rig.command(['-C', rig.root], inside)).stdout).toMatch(/^Nothing to do/);
  const run = await rig.command(['-f', file, '--work', 'mine', 'pull'], inside);
  expect([run.code, other.exists('mine/default/data/chunk_0-0.parquet')]).toEqual([0, true]);
  other.close();
});

test('values are quoted for the shell, whatever they hold', async () => {
  const shell = new Rig();
  const values = [
    'a  b',
    "it's",
    'say "hi" $HOME `id`',
    '$(touch pwned)',
    'one\ntwo',
    '-n',
    '',
    '*',
    '\\',
    '#x',
  ];
  const names = values.map((_, index) => `v${index}`);
  const vars = Object.fromEntries(values.map((value, index) => [`v${index}`, value]));
  shell.write(
    'pipeline.yaml',
    `name: shell
vars: ${JSON.stringify(vars)}
steps:
  one:
    run: printf '%s|' ${names.map((name) => `{${name}}`).join(' ')} "{{}}" > {output}
    outputs: "{v0}/{v1}.txt"
`,
  );
  expect(await shell.ran()).toEqual(['one']);
  expect(shell.read("work/default/a  b/it's.txt")).toBe(`${[...values, '{}'].join('|')}|`);
  expect(shell.exists('pwned')).toBe(false);
  shell.close();
});

/** A task that counts to 100, saves every tenth number and is killed once after the 35th. */
async function counting(): Promise<Rig> {
  const counter = new Rig();
  counter.write(
    'tasks/tables.ts',
    `import { Field, Int32, Schema } from '${import.meta.resolve('apache-arrow')}';
export const rows = new Schema([new Field('n', new Int32())]);
`,
  );
  counter.task(
    'count',
    `const first = context.resumed?.position ?? 0;
  const base = Number(fs.readFileSync(input.path, 'utf8'));
  fs.appendFileSync('${counter.path('begun')}', first + ' ');
  const table = await context.table('output');
  for (let n = first; n < 100; n++) {
    await table.append([{ n: base + n }]);
    if ((n + 1) % 10 === 0) await context.checkpoint({ records: n + 1, position: n + 1 });
    if (n === 34 && !fs.existsSync('${counter.path('ok')}')) process.kill(process.pid, 'SIGKILL');
  }`,
    'version: 1,',
  );
  counter.write('in.txt', '0');
  counter.write(
    'pipeline.yaml',
    `name: counting
sources: { rows: { files: in.txt } }
steps:
  count:
    each: file
    task: count
    retries: { count: 1, backoff: 1ms }
    outputs: { path: "{key}.parquet", contract: "tasks/tables.ts#rows" }
`,
  );
  expect((await counter.run()).failed).toEqual(['count@in']);
  counter.write('ok', '');
  return counter;
}

const SUM =
  "SELECT count(*) AS rows, count(DISTINCT n) AS numbers, min(n) AS first FROM '{root}/work/default/in.parquet'";

test('a killed task goes on from its checkpoint, and every row is there once', async () => {
  const counter = await counting();
  await counter.ran();
  expect(counter.read('begun').trim().split(' ')).toEqual(['0', '30', '30']);
  expect(await counter.rows(SUM)).toEqual([{ rows: '100', numbers: '100', first: 0 }]);
  const interrupted = counter.results();
  await counter.ran('--force', 'count');
  expect(counter.results()).toEqual(interrupted);
  counter.close();
});

test('a checkpoint counts only for the same input', async () => {
  const counter = await counting();
  counter.write('in.txt', '1000');
  await counter.ran();
  expect(counter.read('begun').trim().split(' ').at(-1)).toBe('0');
  expect(await counter.rows(SUM)).toEqual([{ rows: '100', numbers: '100', first: 1000 }]);
  counter.close();
});
