// A bench for the executor: a temporary work folder, a real pool, orders with everything filled
// in, and a reader of what was staged.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Database, openDatabase, type Row } from '../src/executor/duckdb.ts';
import type {
  CheckpointRecord,
  Executor,
  InputOrder,
  Outcome,
  OutputOrder,
  ProcessGroup,
  RuleOrder,
  WorkListener,
  WorkOrder,
  WorkResult,
} from '../src/executor/executor.ts';
import { createWorkerPool, type PoolOptions } from '../src/executor/pool.ts';
import { digestModule } from '../src/module-digest.ts';
import type { Progress } from '../src/task.ts';
import type { Failure } from '../src/trace.ts';

export const TASK_CONTRACT = new URL('../src/task.ts', import.meta.url).href;
export const ARROW = import.meta.resolve('apache-arrow');

export class Rig {
  readonly root = mkdtempSync(join(tmpdir(), 'executor-'));
  readonly work = join(this.root, 'work');
  readonly pool: Executor;
  readonly groups: string[] = [];
  #attempts = 0;
  #database: Promise<Database> | undefined;

  constructor(options: PoolOptions = {}) {
    mkdirSync(this.work);
    this.pool = createWorkerPool({
      onGroup: (group, state) => this.groups.push(`${state} ${group.pid}`),
      ...options,
    });
  }

  async close(): Promise<void> {
    await this.pool.close();
    (await this.#database)?.close();
    rmSync(this.root, { recursive: true, force: true });
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

  /** Runs SQL in a database of the test's own. */
  async sql(text: string): Promise<readonly Row[]> {
    this.#database ??= openDatabase({
      memoryBytes: 0,
      temporaryFolder: this.path('spill'),
      root: this.root,
    });
    return await (await this.#database).rows(text);
  }

  /** Writes the rows of a query as a Parquet file and gives its path. */
  async parquet(name: string, query: string): Promise<string> {
    await this.sql(`COPY (${query}) TO '${this.path(name)}' (FORMAT parquet)`);
    return this.path(name);
  }

  outside(name: string, path: string): InputOrder {
    const { size: bytes, mtimeMs } = statSync(path);
    const outside = { name: `./${basename(path)}`, mtimeMs };
    const file = { path, bytes, sha256: undefined, rows: undefined, outside };
    return { name, files: [file], manifests: [] };
  }

  order(rule: RuleOrder, more: Partial<WorkOrder> = {}): WorkOrder {
    this.#attempts++;
    return {
      target: 'step@member',
      attempt: this.#attempts,
      rule,
      variables: {},
      with: {},
      inputs: [],
      outputs: [],
      work: this.work,
      root: this.root,
      stage: join(this.work, 'tmp', `step.${this.#attempts}`),
      scratch: join(this.work, 'tmp', 'scratch'),
      log: join(this.work, 'logs', 'step.log'),
      manifestPath: 'audit/step.parquet',
      rejectsPath: 'rejects/step.parquet',
      previous: { paths: [], manifests: [] },
      memoryBytes: 500_000_000,
      maxRejects: 0,
      hub: undefined,
      dataset: undefined,
      excluded: {},
      timeoutMs: undefined,
      resume: undefined,
      ...more,
    };
  }

  sqlOrder(text: string, more: Partial<WorkOrder> = {}): WorkOrder {
    const rule: RuleOrder = { kind: 'sql', text, file: 'tasks/step.sql', firstLine: 1 };
    return this.order(rule, { outputs: [output('flat', 'flat/step.parquet')], ...more });
  }

  runOrder(command: string, more: Partial<WorkOrder> = {}): WorkOrder {
    return this.order({ kind: 'run', command: [command] }, more);
  }

  /** An order for a task whose `run({..})` has this body; other members of the task by `rest`. */
  taskOrder(body: string, more: Partial<WorkOrder> & { readonly rest?: string } = {}): WorkOrder {
    const { rest = '', ...parts } = more;
    const module = this.write(
      `tasks/task-${this.#attempts}.ts`,
      `import { defineTask } from '${TASK_CONTRACT}';
       export default defineTask({ ${rest} async run(context) {
         const { inputs, outputs, signal } = context;
         ${body}
       } });`,
    );
    const code = digestModule(module, (file) => readFileSync(file, 'utf8'));
    return this.order({ kind: 'task', module, code }, parts);
  }

  execute(order: WorkOrder, listener: Partial<WorkListener> = {}): Promise<Outcome> {
    return this.pool.execute(order, { ...QUIET, ...listener });
  }

  async done(order: WorkOrder, listener: Partial<WorkListener> = {}): Promise<WorkResult> {
    const outcome = await this.execute(order, listener);
    if (outcome.kind === 'done') return outcome.result;
    throw new Error(`not done: ${JSON.stringify(outcome, null, 2)}`);
  }

  async failure(order: WorkOrder, listener: Partial<WorkListener> = {}): Promise<Failure> {
    const outcome = await this.execute(order, listener);
    if (outcome.kind === 'failed') return outcome.failure;
    throw new Error(`not failed: ${JSON.stringify(outcome, null, 2)}`);
  }

  /** The rows of all staged files of a result. */
  async rows(result: WorkResult, columns = '*'): Promise<readonly Row[]> {
    const files = result.files.map(({ staged }) => `'${staged}'`).join(', ');
    return await this.sql(
      `SELECT ${columns} FROM read_parquet([${files}], hive_partitioning = false)`,
    );
  }
}

const QUIET: WorkListener = {
  taken: () => {},
  progress: () => {},
  checkpoint: () => Promise.resolve(),
  group: () => {},
};

export function output(name: string, path: string, more: Partial<OutputOrder> = {}): OutputOrder {
  return {
    name,
    path,
    glob: path.includes('*'),
    format: path.endsWith('.parquet') ? 'parquet' : undefined,
    partitionBy: undefined,
    idColumn: 'id',
    contract: undefined,
    ...more,
  };
}

/** Resolves with the first group that a target's command leads. */
export function firstGroup(): { group: Promise<ProcessGroup>; listener: Partial<WorkListener> } {
  const { promise, resolve } = Promise.withResolvers<ProcessGroup>();
  return {
    group: promise,
    listener: {
      group: (group, state) => {
        if (state === 'begun') resolve(group);
      },
    },
  };
}

/** Resolves with the first progress of a target. */
export function firstProgress(): { seen: Promise<Progress>; listener: Partial<WorkListener> } {
  const { promise, resolve } = Promise.withResolvers<Progress>();
  return { seen: promise, listener: { progress: resolve } };
}

/** Keeps the checkpoints that a target saves. */
export function checkpoints(): { saved: CheckpointRecord[]; listener: Partial<WorkListener> } {
  const saved: CheckpointRecord[] = [];
  return {
    saved,
    listener: {
      checkpoint: (record) => {
        saved.push(record);
        return Promise.resolve();
      },
    },
  };
}

/** Whether the process, or with a negative number any of the group, still runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!existsSync('/proc/self/stat')) return true;
  // A killed process may stay listed until its new parent has looked after it.
  const pids = pid > 0 ? [String(pid)] : readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.some((name) => {
    const [state, , group] = statOf(name);
    return state !== undefined && state !== 'Z' && (pid > 0 || Number(group) === -pid);
  });
}

/** What /proc says of a process after its name: state, parent, group, .. */
export function statOf(pid: string | number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Resolves when no such process is left; fails the test through its timeout when one stays. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}
