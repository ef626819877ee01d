// A bench for whole runs: a temporary folder with a small pipeline of a user, and the real command
// line as a child process that a test can watch and kill. It knows the program only from outside:
// its words, its exit codes, its events and the files it leaves.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

export const PROJECT = join(import.meta.dirname, '..');
export const CONTRACT = new URL('../src/task.ts', import.meta.url).href;
const ENTRY = join(PROJECT, 'src/bin.js');

/** In milliseconds. What a test waits for takes as long only if it never comes, even on a machine with other work. */
const PATIENCE_MS = 120_000;

/** Each kind of rule and of dependency once: file to file, file to group, group to once. */
const SMALL = `name: small
vars: { factor: 2, unused: a }
sources:
  rows: { files: data/chunk_*.parquet, name: "chunk_{chunk}-{part}.parquet" }
steps:
  pull: { each: file, task: copy, outputs: "data/{file}" }
  process:
    needs: pull
    each: file
    sql: tasks/process.sql
    outputs: flat/{key}.parquet
  partition:
    needs: process
    each: file
    sql: SELECT * FROM read_parquet($input, hive_partitioning = false)
    outputs: { path: "results/lang={value}/{key}.parquet", partition_by: lang }
  merge:
    needs: partition
    each: chunk
    run: cat {input} | sha256sum > {output}
    outputs: merged/{chunk}.txt
  total:
    needs: merge
    run: cat {input} > {output}
    outputs: total.txt
`;
const PROCESS_SQL = `-- The rows, multiplied.
SELECT id, lang, n * $factor AS n
FROM read_parquet($input)
`;

/** The rows of a source file as a query; other files have other numbers. */
export function sourceRows(name: string): string {
  const start = Number(name.replace('-', ''));
  return `SELECT 'Q' || i AS id, ['en', 'de', 'fr'][i % 3 + 1] AS lang, i + ${start} AS n
    FROM range(12) row(i)`;
}

export const FILES = ['chunk_0-0', 'chunk_0-1', 'chunk_1-0'];

/** The targets of these steps of the small pipeline for all files and groups, sorted. */
export function targets(...steps: readonly string[]): readonly string[] {
  return steps
    .flatMap((step) => {
      if (step === 'total') return [step];
      if (step === 'merge') return ['merge@chunk=0', 'merge@chunk=1'];
      return FILES.map((file) => `${step}@${file}`);
    })
    .sort();
}

const connected = DuckDBInstance.create(':memory:').then((instance) => instance.connect());

type Named<Keys extends string, Value> = { readonly [Key in Keys]: Value };

/** A line of `--reporter ndjson`, read loosely: the schema of events has tests of its own. */
export interface EventLine
  extends Named<'type' | 'target' | 'step' | 'message' | 'log' | 'cause' | 'outcome', string>,
    Named<'attempt' | 'rows' | 'rejects' | 'records' | 'waitMs' | 'count', number>,
    Named<'changed' | 'nothingToDo', boolean> {
  readonly reasons: readonly string[];
  readonly steps: readonly (Named<'step', string> &
    Named<'targets' | 'fresh' | 'done' | 'failed' | 'blocked' | 'interrupted' | 'left', number>)[];
  readonly failure: Named<'code' | 'message', string> &
    Named<'mayPass', boolean> &
    Partial<Named<'detail' | 'hint', string>>;
}

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly text: string;
}

type Surroundings = { readonly cwd: string; readonly env: NodeJS.ProcessEnv };

/** A command that runs: its process, what it printed so far, and its end. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], options: Surroundings) {
    this.child = spawn(process.execPath, [ENTRY, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.#stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => resolve({ code, signal, ...this.output() }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  output(): Pick<Result, 'stdout' | 'stderr' | 'text'> {
    const [stdout, stderr] = [this.#stdout, this.#stderr];
    return { stdout, stderr, text: stdout + stderr };
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its worker processes, oldest first. */
  workers(): readonly number[] {
    return processes()
      .filter(({ parent, command }) => parent === this.pid && command.includes('executor/worker.'))
      .map(({ pid }) => pid)
      .sort((a, b) => a - b);
  }
}

export class Rig {
  readonly root = mkdtempSync(join(tmpdir(), 'rig-'));
  readonly work = join(this.root, 'work');
  /** The folder of the profile without a name, where everything lies. */
  readonly home = join(this.work, 'default');
  readonly #commands: Command[] = [];

  /** A folder with the small pipeline and its three files. */
  static async small(): Promise<Rig> {
    const rig = new Rig();
    rig.write('pipeline.yaml', SMALL);
    rig.write('tasks/process.sql', PROCESS_SQL);
    rig.task('copy', 'fs.copyFileSync(input.path, output.path);');
    for (const name of ['0-0', '0-1', '1-0']) await rig.source(name);
    return rig;
  }

  copy(): Rig {
    const rig = new Rig();
    execFileSync('cp', ['-a', `${this.root}/.`, rig.root]);
    return rig;
  }

  /** Writes a source file of the small pipeline: twelve rows, four for each language. */
  async source(name: string, query = sourceRows(name)): Promise<void> {
    await this.parquet(`data/chunk_${name}.parquet`, query);
  }

  /** Ends whatever a failed test left running, and removes the folder. */
  close(): void {
    for (const command of this.#commands) command.kill('SIGKILL');
    for (const { pid, command } of processes()) {
      if (command.includes(this.root)) kill(pid);
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  exists(name: string): boolean {
    return existsSync(this.path(name));
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true });
  }

  /** Replaces a piece of a file wherever it occurs; it must occur. */
  edit(name: string, from: string, to: string): void {
    const text = this.read(name);
    if (!text.includes(from)) throw new Error(`${name} does not hold ${JSON.stringify(from)}`);
    this.write(name, text.split(from).join(to));
  }

  /** A task module whose `run` has this body; `rest` are the task's other members. */
  task(name: string, body: string, rest = ''): void {
    this.write(
      `tasks/${name}.ts`,
      `import { defineTask } from '${CONTRACT}';
import * as fs from 'node:fs';
export default defineTask({ ${rest} async run(context) {
  const input = context.inputs['input'] ?? Object.values(context.inputs)[0];
  const output = context.outputs['output'] ?? Object.values(context.outputs)[0];
  ${body}
} });
`,
    );
  }

  async rows(query: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const reader = await (await connected).runAndReadAll(query.replaceAll('{root}', this.root));
    return reader.getRowObjectsJson();
  }

  /** Writes the rows of a query as a Parquet file. */
  async parquet(name: string, query: string): Promise<void> {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    await this.rows(`COPY (${query}) TO '${this.path(name)}' (FORMAT parquet)`);
  }

  start(args: readonly string[], options: Partial<Surroundings> = {}): Command {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(VITEST.*|NODE_OPTIONS|CI)$/.test(name),
    );
    const env = { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env };
    const command = new Command(args, { cwd: options.cwd ?? this.root, env });
    this.#commands.push(command);
    return command;
  }

  async command(args: readonly string[], options: Partial<Surroundings> = {}): Promise<Result> {
    return await this.start(args, options).ended;
  }

  async plain(...args: readonly string[]): Promise<Result> {
    return await this.command(['--reporter', 'plain', ...args]);
  }

  /** Runs the pipeline and gives its events. */
  async run(...args: readonly string[]): Promise<Run> {
    return runOf(await this.command(['--reporter', 'ndjson', ...args]));
  }

  /** Runs the pipeline, which must succeed, and gives the targets that ran, sorted. */
  async ran(...args: readonly string[]): Promise<readonly string[]> {
    const run = await this.run(...args);
    if (run.code !== 0) throw new Error(`exit code ${run.code}: ${run.text}`);
    return run.done;
  }

  /** Digests of all files that count as results, by path in the work folder. */
  results(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const name of filesBelow(this.home)) {
      if (/^(state|logs|tmp)(\/|$)/.test(name)) continue;
      found[name] = hash('sha256', readFileSync(join(this.home, name)));
    }
    return found;
  }
}

/** What a run did, from its events. */
export interface Run extends Result {
  readonly events: readonly EventLine[];
  /** Targets that were brought up to date, sorted. */
  readonly done: readonly string[];
  readonly failed: readonly string[];
  readonly notes: string;
  readonly end: EventLine | undefined;
}

export function runOf(result: Result): Run {
  const lines = result.stdout.split('\n').slice(0, -1);
  const events: EventLine[] = lines.map((line) => JSON.parse(line));
  const targets = (type: string) =>
    events.filter((event) => event.type === type).map(({ target }) => target);
  return {
    ...result,
    events,
    done: targets('target-done').sort(),
    failed: targets('target-failed').sort(),
    notes: events.flatMap(({ type, message }) => (type === 'note' ? [message] : [])).join('\n'),
    end: events.find(({ type }) => type === 'run-ended'),
  };
}

export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Looks again until it is so, for as long as a test may take. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Kills a process that may have ended by itself. */
export function kill(pid: number): void {
  if (processes().some((found) => found.pid === pid)) process.kill(pid, 'SIGKILL');
}

type Process = Named<'pid' | 'parent', number> & Named<'command', string>;

/** All processes but those that are dead and not yet collected by their parent. */
export function processes(): readonly Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || state === 'X') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return [];
      }
    });
}
