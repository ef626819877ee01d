// Golden tests: what a user reads when a pipeline file is written wrong: its YAML, keys, values,
// profile and `--set`, and what a step says by itself.
import { expect, test } from 'vitest';
import { check, expectMistakes } from './config-fixture.ts';

test('broken YAML is said to be that, with its place', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: [
    `,
    `
    pipeline.yaml:4:1: error: This is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].
    `,
  );
});

test('an empty file, a list and two documents are no pipeline', () => {
  expect(check('')).toBe(
    'pipeline.yaml:1:1: error: The pipeline file is empty.\n  begin with "name: .." and "steps: .."',
  );
  expect(check('- a\n')).toContain('The pipeline file is not a map of keys.');
  expect(check('a: 1\n---\nb: 2\n')).toContain(
    ':2:1: error: A pipeline file holds one YAML document',
  );
});

test('merge keys, keys given twice and anchors within themselves are refused', () => {
  expectMistakes(
    `
    name: t
    x-common: &common { cpu: 1 }
    vars: { loop: &loop [*loop] }
    steps:
      a: { run: echo, pools: { <<: *common } }
      a: { run: echo }
    `,
    `
    pipeline.yaml:3:21: error: An anchor holds an alias of itself.
    pipeline.yaml:5:28: error: Merge keys ("<<") are not supported.
      give an anchor a whole value (with: *common), or repeat the keys
    pipeline.yaml:6:3: error: The key "a" stands here a second time.
      the first is in line 5: keep one of them
    `,
  );
});

test('unknown keys come with what was meant, also in the words of other tools', () => {
  expectMistakes(
    `
    nme: t
    jobs: {}
    sources:
      s: { files: a, patern: b }
    steps:
      part: { sql: SELECT 1, queri: x, depends_on: y, outputs: { path: x.csv, fromat: csv } }
    `,
    `
    pipeline.yaml:1:1: error: The pipeline has no "name".
    pipeline.yaml:1:1: error: Unknown key "nme" at the top level.
      did you mean "name"?
    pipeline.yaml:2:1: error: Unknown key "jobs" at the top level.
      did you mean "steps"?
    pipeline.yaml:4:18: error: Unknown key "patern" in source "s".
      did you mean "name"?
    pipeline.yaml:6:26: error: Unknown key "queri" in step "part" (kind: sql).
      did you mean "sql"?
    pipeline.yaml:6:36: error: Unknown key "depends_on" in step "part" (kind: sql).
      did you mean "needs"?
    pipeline.yaml:6:75: error: Unknown key "fromat" in "outputs" of step "part".
      did you mean "format"?
    `,
  );
});

test('wrong types and values say what was expected and what was found', () => {
  expectMistakes(
    `
    name: t
    vars: { Big: 1, none: }
    pools: { memory: 4 gigs, cpu: [] }
    steps:
      a:
        run: echo
        timeout: 90
        retries: { count: many }
        max_rejects: -1
        rebuild_on: [engin]
        needs:
      b: nothing
      c: { run: echo, outputs: { format: parket } }
    `,
    `
    pipeline.yaml:2:9: error: "Big" in "vars" is not a name of small letters, digits and "_" that begins with a letter.
      such as "big"
    pipeline.yaml:2:17: error: "vars.none" has no value; it must be a text, a number, true, false, a list or a map.
    pipeline.yaml:3:18: error: "pools.memory" must be a size such as 4GB or 2GiB, or auto, not the text "4 gigs".
    pipeline.yaml:3:26: error: "pools.cpu" must be a number of cores, or auto, not a list.
    pipeline.yaml:7:14: error: "timeout" of step "a" must be a duration such as 90s, 10m or 1h30m, not the number 90.
    pipeline.yaml:8:23: error: "retries.count" of step "a" must be a whole number from 0 to 100, not the text "many".
    pipeline.yaml:9:18: error: "max_rejects" of step "a" must be a whole number from 0 on, not the number -1.
    pipeline.yaml:10:18: error: "rebuild_on[0]" of step "a" must be engine, not the text "engin".
      did you mean "engine"?
    pipeline.yaml:11:5: error: "needs" of step "a" has no value; it must be the name of a step, or a list of them.
    pipeline.yaml:12:6: error: Step "b" must be a map, not the text "nothing".
    pipeline.yaml:13:19: error: "outputs" of step "c" has no "path".
    pipeline.yaml:13:38: error: "outputs.format" of step "c" must be parquet, csv or json, not the text "parket".
      did you mean "parquet"?
    `,
  );
});

test('a step does exactly one thing', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { needs: b }
      b: { run: echo, sql: SELECT 1, outputs: x.csv }
    `,
    `
    pipeline.yaml:3:3: error: Step "a" says not what to do: it needs one of "sql", "task", "run", "release".
    pipeline.yaml:4:19: error: Step "b" has both "run" and "sql"; it needs exactly one of "sql", "task", "run", "release".
    `,
  );
});

test('an SQL step has exactly one output that is one file or one for each value', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { sql: SELECT 1 }
      b: { sql: SELECT 1, outputs: { one: b1.csv, two: b2.csv } }
      c: { sql: SELECT 1, outputs: "c/*.csv" }
      d: { sql: SELECT 1, outputs: d.txt }
    `,
    `
    pipeline.yaml:3:8: error: The SQL step "a" has no output; the rows of its SELECT need exactly one.
      add "outputs: folder/{key}.parquet"
    pipeline.yaml:4:23: error: The SQL step "b" has 2 outputs; the rows of its SELECT need exactly one.
      make a step for each
    pipeline.yaml:5:35: error: The output of the SQL step "c" is one file, or one for each value.
      replace the "*", or use partition_by
    pipeline.yaml:6:32: error: The path of step "d" does not say how its rows are written.
      end it in .parquet, .csv or .json, or add "format: parquet"
    `,
  );
});

test('needs that name no step and circles of needs are shown with the way round', () => {
  expectMistakes(
    `
    name: t
    sources: { files: { files: "*.csv" } }
    steps:
      pull: { run: echo, needs: partition }
      process: { run: echo, needs: [pul, files] }
      partition: { run: echo, needs: [process, pull] }
      self: { run: echo, needs: self }
    `,
    `
    pipeline.yaml:5:33: error: Step "process" needs "pul", which is no step.
      did you mean "pull"?
    pipeline.yaml:5:38: error: Step "process" needs "files", which is no step.
      "files" is a source: a step says "each: file" to run for its files
    pipeline.yaml:6:44: error: Steps need each other in a circle: pull needs partition needs pull.
      take one of these needs away
    pipeline.yaml:7:29: error: Step "self" needs itself.
      take one of these needs away
    `,
  );
});

test('--set is checked against the variables and their types', () => {
  const yaml = `
    name: t
    vars: { rows: 10, sample: true, tables: [a, b], text: x }
    steps: { s: { run: echo } }
    `;
  const set = ['row=3', 'rows=abc', 'sample=yes', 'tables=a', 'text=anything', 'oops'];
  expectMistakes(
    yaml,
    `
    error: --set row: the pipeline has no variable "row".
      did you mean "rows"?
    error: --set takes name=value, not "oops".
      such as --set NAME=VALUE
    pipeline.yaml:2:9: error: --set rows: "abc" is not a number, which "rows" must be.
      such as --set 'rows=10'
    pipeline.yaml:2:19: error: --set sample: "yes" is not true or false, which "sample" must be.
      such as --set 'sample=true'
    pipeline.yaml:2:33: error: --set tables: "a" is not a list in JSON, which "tables" must be.
      such as --set 'tables=["a","b"]'
    `,
    { set },
  );
});

test('profiles must exist, and are checked even when they are not in force', () => {
  expectMistakes(
    `
    name: t
    profile: smal
    profiles:
      small: {}
      large: { steps: { s: { timeout: 10, retry: 3 } }, profile: x }
    steps: { s: { run: echo, timeout: 5 } }
    `,
    `
    error: There is no profile "lage".
      did you mean "large"?
    pipeline.yaml:2:10: error: "profile" names "smal", which is not among the profiles.
      did you mean "small"?
    pipeline.yaml:5:35: error: "timeout" of step "s" must be a duration such as 90s, 10m or 1h30m, not the number 10, with the profile "large".
    pipeline.yaml:5:39: error: Unknown key "retry" in step "s" (kind: run), with the profile "large".
      did you mean "retries"?
    pipeline.yaml:5:53: error: A profile cannot hold "profile".
    pipeline.yaml:6:35: error: "timeout" of step "s" must be a duration such as 90s, 10m or 1h30m, not the number 5.
    `,
    { profile: 'lage' },
  );
});

test('parameters that nothing reads, or that hide the input, are refused', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { run: echo, with: { x: 1 } }
      b: { sql: "SELECT $input", outputs: b.csv, with: { input: 1 } }
    `,
    `
    pipeline.yaml:3:19: error: Step "a" has parameters ("with"), which a command cannot read.
      write the values into the command, as {variables} or as they are
    pipeline.yaml:4:54: error: The parameter "input" of step "b" hides $input, the input files.
      give it another name
    `,
  );
});

test('an ordinal does not fall from a step to one that needs it', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { run: echo, ordinal: 5 }
      b: { run: echo, needs: a }
    `,
    `
    pipeline.yaml:4:3: error: Step "b" has the ordinal 2, but needs "a" with 5.
      a step comes after those that it needs
    `,
  );
});

test('a variable in the manner of a shell is pointed out where no shell reads it', () => {
  expectMistakes(
    `
    name: t
    vars: { day: 1 }
    steps:
      a: { run: "echo $HOME \${day} > {output}", outputs: "a-\${day}-\${other}.csv" }
    `,
    `
    pipeline.yaml:4:57: warning: "\${day}" is left as it is: that is how a shell writes a variable.
      write "{day}" for its value
    `,
  );
});

test('names that JavaScript objects have by nature are unknown like any other', () => {
  expectMistakes(
    `
    name: t
    steps:
      constructor: { run: "echo {constructor} {__proto__}", needs: toString, __proto__: 1 }
    `,
    `
    pipeline.yaml:3:29: error: Unknown variable "constructor".
      known: input, work, profile
    pipeline.yaml:3:43: error: Unknown variable "__proto__".
      known: input, work, profile
    pipeline.yaml:3:64: error: Step "constructor" needs "toString", which is no step.
    pipeline.yaml:3:74: error: Unknown key "__proto__" in step "constructor" (kind: run).
      known keys: needs, each, from, matrix, ordinal, sql, task, run, with, inputs, outputs, retries, timeout, pools, max_rejects, rebuild_on, publish, hub, release, accepts_released
    `,
  );
});
