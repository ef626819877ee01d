// What a person may write wrongly: all of it is told at once, with its place, before anything runs.
import { afterEach, expect, test } from 'vitest';
import { Rig } from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

function folder(pipeline: string): Rig {
  const rig = new Rig();
  rigs.push(rig);
  rig.write('pipeline.yaml', pipeline);
  return rig;
}

/** The pipeline is refused with these lines `place: error: words`, in this order, and no others. */
async function check(pipeline: string, expected: readonly (readonly [string, RegExp])[]) {
  const rig = folder(pipeline);
  for (const args of [['--reporter', 'plain'], ['validate']]) {
    const { code, text } = await rig.command(args);
    const found = [...text.matchAll(/^pipeline\.yaml:(\d+:\d+): error: (.*)$/gm)];
    expect(found.map(([, place]) => place)).toEqual(expected.map(([place]) => place));
    for (const [index, [, words]] of expected.entries()) {
      expect(found[index]?.[2]).toMatch(words);
    }
    expect([code, rig.exists('work')]).toEqual([2, false]);
  }
}

test('text that is no YAML', async () => {
  await check('name: x\nsteps:\n  one: { run: "a\n', [
    ['4:1', /YAML/],
    ['4:1', /YAML/],
  ]);
});

test('mistakes of all kinds are told together, in their order', async () => {
  await check(
    `name: bad
surces: {}
steps:
  status: { run: "true", outputs: a.txt }
  one: { needs: two, run: "echo {nope} > {output}", outputs: b.txt }
  two: { needs: one, sql: tasks/none.sql, outputs: b.parquet, queri: 3 }
  three: { run: 3, outputs: ../c.txt, retries: lots }
  four: { run: "echo > {output}", outputs: b.txt, timeout: 5 }
  five: { task: none, outputs: e.txt }
`,
    [
      ['2:1', /Unknown key "surces"/],
      ['4:3', /"status".*command/],
      ['5:33', /Unknown variable "nope"/],
      ['5:62', /both write "b\.txt"/],
      ['6:17', /one needs two needs one/],
      ['6:27', /no file tasks\/none\.sql/],
      ['6:63', /Unknown key "queri"/],
      ['7:17', /must be a shell command, not the number 3/],
      ['7:29', /outside the work folder/],
      ['7:48', /"retries".*not the text "lots"/],
      ['8:60', /"timeout".*not the number 5/],
      ['9:17', /no file tasks\/none\.ts/],
    ],
  );
});

test.each([
  ['a step without work', 'one: { outputs: a.txt }', '3:3', /sql.*task.*run/],
  [
    'a step with two kinds of work',
    'one: { sql: SELECT 1 AS a, run: ls, outputs: a.parquet }',
    /^3:/,
    /sql.*run|one of/,
  ],
  ['a need that does not exist', 'one: { needs: tow, run: ls, outputs: a }', '3:17', /tow/],
  ['a step that needs itself', 'one: { needs: one, run: ls, outputs: a }', '3:17', /itself|circle/],
  ['an output that is absolute', 'one: { run: ls, outputs: /etc/passwd }', '3:28', /outside/],
  ['an output among the state', 'one: { run: ls, outputs: state/a.jsonl }', '3:28', /state/],
  ['an output that is the work folder', 'one: { run: ls, outputs: . }', '3:28', /./],
  [
    'one output for every cell',
    'one: { matrix: { n: [1, 2] }, run: ls, outputs: a.txt }',
    /^3:/,
    /a\.txt|\{n\}/,
  ],
  ['an output below another', 'one: { run: ls, outputs: { a: x, b: x/y } }', /^3:/, /x/],
] as const)('%s', async (_, step, place, words) => {
  const rig = folder(`name: bad\nsteps:\n  ${step}\n`);
  const { code, text } = await rig.command(['--reporter', 'plain']);
  const found = /^pipeline\.yaml:(\d+:\d+): error: ([\s\S]*)$/m.exec(text);
  expect(found?.[1] ?? text).toMatch(place);
  expect(found?.[2]).toMatch(words);
  expect([code, rig.exists('work')]).toEqual([2, false]);
});

test("an input that is another step's output wants needs", async () => {
  await check(
    `name: bad
steps:
  one: { run: "echo > {output}", outputs: a.txt }
  two: { run: "cat {input.a} > {output}", inputs: { a: work/default/a.txt }, outputs: b.txt }
`,
    [['4:56', /needs.*one|"one"/]],
  );
});

test('a value of another type than the variable', async () => {
  const rig = folder(
    'name: x\nvars: { n: 1 }\nsteps: { one: { run: "echo {n} > {output}", outputs: a } }\n',
  );
  const wrong = await rig.plain('--set', 'n=many');
  expect([wrong.code, rig.exists('work')]).toEqual([2, false]);
  expect(wrong.text).toMatch(/n.*number/);
  const unknown = await rig.plain('--set', 'm=2');
  expect(unknown.code).toBe(2);
  expect(unknown.text).toMatch(/"?m"?/);
  const malformed = await rig.plain('--set', 'm');
  expect(malformed.code).toBe(2);
  expect((await rig.plain('--profile', 'nope')).text).toContain('nope');
});

test('a glob that finds no file is told, and is no success in silence', async () => {
  const rig = folder(`name: x
sources: { rows: { files: data/*.parquet } }
steps: { one: { each: file, run: "cp {input} {output}", outputs: "{key}.parquet" } }
`);
  const { code, text } = await rig.plain();
  expect(text).toMatch(/data\/\*\.parquet/);
  expect(code).toBe(2);
});

test('two source files with one name', async () => {
  const rig = folder(`name: x
sources: { rows: { files: "data/**/*.txt" } }
steps: { one: { each: file, run: "cp {input} {output}", outputs: "{key}.out" } }
`);
  rig.write('data/a/x.txt', 'a');
  rig.write('data/b/x.txt', 'b');
  const { code, text } = await rig.plain();
  expect(code).toBe(2);
  expect(text).toMatch(/data\/a\/x\.txt[\s\S]*data\/b\/x\.txt/);
});

test('a work folder that is a file', async () => {
  const rig = folder('name: x\nsteps: { one: { run: "echo > {output}", outputs: a.txt } }\n');
  rig.write('taken', 'a file');
  const { code, text } = await rig.plain('--work', 'taken');
  expect([code, rig.read('taken')]).toEqual([2, 'a file']);
  expect(text).toContain('taken');
  expect(text).not.toMatch(/^ +at .*\.ts:\d+/m);
});

test('the work folder of another pipeline is refused and left as it is', async () => {
  const pipeline =
    'name: x\nsteps: { one: { run: "echo {word} > {output}", outputs: a.txt } }\nvars: { word: a }\n';
  const rig = folder(pipeline);
  await rig.ran();
  const before = rig.results();
  rig.edit('pipeline.yaml', 'name: x', 'name: another');
  const { code, text } = await rig.plain('--set', 'word=b');
  expect([code, rig.results()]).toEqual([2, before]);
  expect(text).toMatch(/another/);
  expect(text).toMatch(/"?x"?/);
  for (const args of [['status'], ['explain', 'one']]) {
    expect((await rig.command(args)).code).toBe(2);
  }
});

test.each(['flat', 'flat/chunk_0-0.parquet/x'])(
  'what is in the way of an output (%s) fails its target, and the run ends',
  async (name) => {
    const rig = await Rig.small();
    rigs.push(rig);
    rig.write(`work/default/${name}`, 'in the way');
    const run = await rig.run();
    expect(run.code).toBe(1);
    expect(run.failed).toContain('process@chunk_0-0');
    expect(run.text).toContain('flat');
    rig.remove('work/default/flat');
    expect((await rig.run()).code).toBe(0);
  },
);
