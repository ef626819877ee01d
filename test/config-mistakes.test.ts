// Golden tests: what a user reads when names, files, outputs or inputs of a pipeline do not fit
// together.
import { test } from 'vitest';
import { expectMistakes } from './config-fixture.ts';

test('variables that do not exist are found in every kind of text', () => {
  expectMistakes(
    `
    name: t
    vars: { folder: data, list: [1], loop: "{pool}", pool: "{loop}", other: "{fodler}" }
    sources: { s: { files: "{foldr}/*.csv", name: "{year}-{month}.csv" } }
    steps:
      a:
        each: file
        run: cp {inptu} {output} && echo {year} {value} {input.b}
        outputs: "a/{kee}.csv"
      b:
        needs: a
        each: year
        sql: |
          SELECT *, '$quoted', $year, $limit
            FROM read_csv($inputs) -- $comment
        with: { limit: "{moth}" }
        outputs: "b/{year}/{month}.{list}.csv"
        inputs: { c: "{file}" }
      c:
        task: pull
        with: { deep: [{ er: "{ folder }" }] }
        outputs: "c/{x"
    `,
    `
    pipeline.yaml:2:34: error: Variables refer to each other in a circle: loop > pool > loop.
    pipeline.yaml:2:74: error: Unknown variable "fodler".
      did you mean "folder"?
    pipeline.yaml:3:25: error: Unknown variable "foldr".
      did you mean "folder"?
    pipeline.yaml:7:13: error: Unknown variable "inptu".
      did you mean "input"?
    pipeline.yaml:7:45: error: Unknown variable "value".
      {value} exists only in the path of an output with "partition_by"
    pipeline.yaml:7:53: error: Unknown variable "input.b".
      did you mean "input"?
    pipeline.yaml:8:17: error: Unknown variable "kee".
      did you mean "key"?
    pipeline.yaml:14:23: error: The SQL of step "b" uses the unknown parameter "$inputs".
      did you mean "input"?
    pipeline.yaml:15:21: error: Unknown variable "moth".
      known: key, year, folder, list, loop, pool, other, work, profile
    pipeline.yaml:16:24: error: Unknown variable "month".
      {month} exists only in a step with "each: file" or "each: month" of the source "s"
    pipeline.yaml:16:32: error: The variable "list" is a list and cannot stand within a text.
    pipeline.yaml:17:19: error: Unknown variable "file".
      {file} exists only in a step with "each: file"
    pipeline.yaml:20:27: error: A variable stands in its braces without spaces.
      write "{folder}" for the variable
    pipeline.yaml:21:17: error: This brace opens a variable but is not closed after a name.
      write "{{" for a literal brace
    `,
    { files: { 'tasks/pull.ts': '' } },
  );
});

test('SQL parameters are checked in the file that has them, once a file', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { matrix: { t: [x, y] }, sql: "sql/{t}.sql", outputs: "{t}.csv", with: { limit: 3 } }
    `,
    `
    examples/sql/x.sql:2:8: error: The SQL of step "a" uses the unknown parameter "$limt".
      did you mean "limit"?
    examples/sql/y.sql:1:8: error: The SQL of step "a" uses the positional parameter "$1".
      parameters have names: $input, a variable or a key of with
    `,
    {
      file: 'examples/pipeline.yaml',
      files: { 'sql/x.sql': 'SELECT\n LIMIT $limt + $limit + $limt', 'sql/y.sql': 'SELECT $1, $t' },
    },
  );
});

test('files that a step names must exist, in every cell', () => {
  expectMistakes(
    `
    name: t
    sources: { s: { files: "a/*.csv", seed: { task: smaple } } }
    steps:
      a: { task: pul }
      b: { task: lib/x.ts }
      c:
        matrix: { t: [x, y] }
        sql: "{t}.sql"
        outputs: { path: "{t}.parquet", contract: "tables.ts#{t}" }
    `,
    `
    pipeline.yaml:2:49: error: A seed has the task "smaple": there is no file tasks/smaple.ts.
      create it (its default export is a task), or correct the name
    pipeline.yaml:4:14: error: Step "a" has the task "pul": there is no file tasks/pul.ts.
      create it (its default export is a task), or correct the name
    pipeline.yaml:5:14: error: Step "b" has the task "lib/x.ts": there is no file lib/x.ts.
      create it (its default export is a task), or correct the name
    pipeline.yaml:8:10: error: Cell "y" of step "c": there is no file y.sql.
      create it, or take the value out of the matrix
    pipeline.yaml:9:47: error: Step "c" has a contract: there is no file tables.ts.
    `,
    { files: { 'x.sql': 'SELECT 1' } },
  );
});

test('names that are taken are refused', () => {
  expectMistakes(
    `
    name: t
    vars: { work: x, table: y, chunk: z }
    sources: { s: { files: "*.csv", name: "{chunk}-{key}.csv" }, pull: { files: "*.csv" } }
    steps:
      status: { run: echo }
      pull: { run: echo }
      a: { run: echo, matrix: { table: [x], file: [y], t: { x: { t: 1 } } } }
    `,
    `
    pipeline.yaml:2:9: error: The variable "work" has the name of a built-in one (the work folder).
      give it another name
    pipeline.yaml:3:40: error: The capture "chunk" has the name of a variable of the pipeline.
      give one of them another name
    pipeline.yaml:3:48: error: The capture "key" has the name of a built-in variable (the name of the file or group).
      give one of them another name
    pipeline.yaml:5:3: error: A step cannot be named "status": "pipeline status" is a command.
      give it another name, such as "status_data"
    pipeline.yaml:6:3: error: The step "pull" has the name of a source.
      the source is in line 3: give one of them another name
    pipeline.yaml:7:29: error: "table" in the matrix has the name of a variable of the pipeline.
      give one of them another name
    pipeline.yaml:7:41: error: "file" in the matrix has the name of a built-in variable (the file name).
      give one of them another name
    pipeline.yaml:7:65: error: "t" in the matrix has the name of another dimension or attribute.
      give one of them another name
    `,
  );
});

test('a matrix needs values that differ and can stand in a target', () => {
  expectMistakes(
    `
    name: t
    vars: { text: x, none: [] }
    steps:
      a: { run: echo, matrix: { t: [x, x, "a/b"] } }
      b: { run: echo, matrix: { t: { x: { by: 1 }, y: {} }, u: { z: 3 } } }
      c: { run: echo, matrix: { t: "{text}", u: "{none}", v: "{nne}" } }
      d: { run: echo, matrix: { u: "{none}" } }
      e: { run: echo, matrix: "{text}" }
    `,
    `
    pipeline.yaml:4:36: error: The dimension "t" has the value "x" twice.
    pipeline.yaml:4:39: error: The value "a/b" of dimension "t" cannot stand in a target.
      use letters, digits, "_", "-" and ".", beginning with a letter or digit
    pipeline.yaml:5:48: error: "y" lacks the attribute "by" that other values of "t" have.
    pipeline.yaml:5:65: error: "matrix.u.z" of step "b" must be a map of attributes, not the number 3.
    pipeline.yaml:6:59: error: Unknown variable "nne".
      did you mean "none"?
    pipeline.yaml:7:32: error: The dimension "u" has no values.
    pipeline.yaml:8:27: error: The matrix of step "e" must be a map of dimensions.
    `,
  );
});

test('what a step runs for must exist and be clear', () => {
  expectMistakes(
    `
    name: t
    sources:
      one: { files: "1/*.csv", name: "{year}-{month}.csv" }
      two: { files: "2/*.csv", name: "{year}.csv" }
    steps:
      a: { run: echo, each: file }
      b: { run: echo, each: yeer, from: one }
      c: { run: echo, each: month, from: two }
      d: { run: echo, each: file, from: tow }
      e: { run: echo, from: one }
      f: { run: echo, each: month }
      g: { run: echo, each: file, needs: f }
    `,
    `
    pipeline.yaml:6:25: error: Step "a" runs for each file, but not clear is of which source.
      add "from: one" or "from: two"
    pipeline.yaml:7:25: error: Step "b" runs for each "yeer", which is neither "file" nor a capture of any source.
      did you mean "year"?
    pipeline.yaml:8:25: error: Step "c" runs for each "month", which is neither "file" nor a capture of the source "two".
      known: file, year
    pipeline.yaml:9:37: error: Step "d" runs for the files of "tow", which is no source.
      did you mean "two"?
    pipeline.yaml:10:19: error: Step "e" names a source but runs once: "from" says nothing without "each".
      add "each: file"
    `,
  );
});

test('outputs stay in the work folder, and out of the folders of the runner', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { run: echo, outputs: { a: ../a, b: /etc/b, c: state/c, d: d/, e: "x/../../e" } }
      b: { run: echo, outputs: "b/{t}", matrix: { t: { x: { by: ".." } } } }
      c: { run: echo, outputs: "{by}/c", matrix: { t: { x: { by: ".." } } } }
    `,
    `
    pipeline.yaml:3:33: error: The output "../a" of step "a" lies outside the work folder.
      outputs are relative to the work folder and stay in it
    pipeline.yaml:3:42: error: The output "/etc/b" of step "a" lies outside the work folder.
      outputs are relative to the work folder and stay in it
    pipeline.yaml:3:53: error: The output "state/c" of step "a" lies in "state/", which the runner keeps for itself.
      choose another folder, such as data, flat or results
    pipeline.yaml:3:65: error: The output "d/" of step "a" is a folder.
      write "d/*" for every file in it
    pipeline.yaml:3:72: error: The output "x/../../e" of step "a" lies outside the work folder.
      outputs are relative to the work folder and stay in it
    pipeline.yaml:5:28: error: The output "../c" of step "c" could leave the work folder.
    `,
  );
});

test('no two targets write one path', () => {
  expectMistakes(
    `
    name: t
    sources: { s: { files: "*.csv", name: "{year}-{month}.csv" } }
    steps:
      a: { each: file, run: echo, outputs: "out/{key}.csv" }
      b: { each: file, run: echo, outputs: "out/./{key}.csv" }
      c: { each: file, run: echo, outputs: "c.csv" }
      d: { each: year, run: echo, outputs: "d-{t}.csv", matrix: { t: [x, y] } }
      e: { run: echo, outputs: "e.csv", matrix: { t: [x, y] } }
      f: { run: echo, outputs: { g: f/g, h: f/g/h } }
      g: { run: echo, outputs: { g: g, h: g } }
    `,
    `
    pipeline.yaml:5:40: error: Steps "a" and "b" both write "out/{key}.csv".
      the other is in line 4: give each step a folder of its own
    pipeline.yaml:6:40: error: The output "c.csv" of step "c" is the same for every file.
      put {key} into the path
    pipeline.yaml:7:40: error: The output "d-{t}.csv" of step "d" is the same for every year.
      put {year} into the path
    pipeline.yaml:8:28: error: The cells "x" and "y" of step "e" both write "e.csv".
      put {t} into the path
    pipeline.yaml:9:41: error: The output "f/g/h" of step "f" lies in a folder that step "f" makes as a file.
    pipeline.yaml:10:39: error: The outputs "g" and "h" of step "g" are both "g".
    `,
  );
});

test('a partitioned output has one folder for its values', () => {
  expectMistakes(
    `
    name: t
    steps:
      a: { sql: SELECT 1, outputs: { path: a.parquet, partition_by: x } }
      b: { sql: SELECT 1, outputs: { path: "b/x={value}.parquet", partition_by: x } }
      c: { sql: SELECT 1, outputs: { path: "c/{value}/c.parquet", partition_by: x } }
      d: { sql: SELECT 1, outputs: { path: "d/x={value}/d.parquet" } }
      e: { sql: SELECT 1, outputs: { path: "e/x={value}/e.csv", partition_by: x } }
      f: { run: echo, outputs: { path: "f/x={value}/f.parquet", partition_by: x } }
    `,
    `
    pipeline.yaml:3:40: error: "partition_by" needs a folder for the values, and the path has no {value}.
      put a folder such as "x={value}/" into it
    pipeline.yaml:4:40: error: {value} stands in the file name of the output.
      give it a folder, such as "x={value}/"
    pipeline.yaml:5:40: error: {value} must stand once, in a folder of its own.
      such as "x={value}/"
    pipeline.yaml:6:45: error: Unknown variable "value".
      {value} exists only in the path of an output with "partition_by"
    pipeline.yaml:7:40: error: A partitioned output is written as parquet, not as csv.
    pipeline.yaml:8:36: error: The output of the command "f" cannot be partitioned.
      only SQL and tasks can: write a folder of files, named with a "*"
    `,
  );
});

test('an input from outside is really from outside', () => {
  expectMistakes(
    `
    name: t
    sources: { s: { files: "{work}/in/*.csv" } }
    steps:
      a: { each: file, run: echo, outputs: "a/{key}.csv" }
      b: { needs: a, run: echo, inputs: { x: "{work}/a/2024.csv" } }
      c: { run: echo, inputs: { x: "{work}/a/2024.csv", y: "{work}/y.csv", z: z.csv } }
      d: { run: echo, outputs: in/d.csv }
    `,
    `
    pipeline.yaml:6:32: error: The input "x" of step "c" is what step "a" makes, but the step does not need it.
      add "needs: a"
    pipeline.yaml:6:56: error: The input "y" of step "c" lies in the work folder, but no step makes it.
      inputs are files from outside
    pipeline.yaml:7:28: error: The step "d" writes into "in/", the folder of the source "s".
      a source is listed before anything runs: let the step write elsewhere
    `,
  );
});

test('name patterns and globs say what they cannot do', () => {
  expectMistakes(
    `
    name: t
    sources:
      a: { files: "[ab].csv", name: "{x}{y}-{x}*.csv" }
      b: { files: "{{a,b}}.csv", name: "{Year}.csv" }
    steps: { s: { run: echo } }
    `,
    `
    pipeline.yaml:3:15: error: A glob knows "*", "?" and "**", but not "[".
      name the files by a wider glob, and choose among them with "name"
    pipeline.yaml:3:37: error: Nothing separates the captures "x" and "y".
      put a text between them
    pipeline.yaml:3:41: error: The capture "x" stands here a second time.
    pipeline.yaml:3:44: error: A name pattern has captures instead of "*".
      name what varies: {part} instead of *
    pipeline.yaml:4:15: error: A glob knows "*", "?" and "**", but not "{".
      name the files by a wider glob, and choose among them with "name"
    pipeline.yaml:4:37: error: "Year" cannot be the name of a capture.
      use small letters, digits and "_"
    `,
  );
});
