// The task rule: gives a TypeScript task its context exactly as `src/task.ts` documents it, runs
// it, and gathers what it wrote through tables, rejects and its account.
import { mkdirSync } from 'node:fs';
import type {
  Account,
  Checkpoint,
  Hub,
  Published,
  Sql,
  TaskContext,
  TaskInput,
  TaskOutput,
} from '../task.ts';
import type { Database } from './duckdb.ts';
import type { RuleOrder } from './executor.ts';
import { type Attempt, Interrupted, type RuleResult } from './rule.ts';
import { targetError } from './target-error.ts';
import { loadPlannedTask, loadTask, taskMeaning } from './task-module.ts';
import { TaskTables } from './task-tables.ts';
import { openHub } from './worker-hub.ts';

export async function runTask(
  attempt: Attempt,
  rule: Extract<RuleOrder, { kind: 'task' }>,
): Promise<RuleResult> {
  const { order } = attempt;
  // What was saved on the way belongs to the code before; else the trace tells which code ran.
  const isResumed = order.resume !== undefined;
  const module = isResumed ? await loadPlannedTask(rule) : await loadTask(rule.module);
  const parameters = module.checkParameters(order.with);
  const { tables, resumed } = await TaskTables.open(attempt);
  const said: { account?: Account; published?: Published } = {};
  // Rejects when a checkpoint finds the run draining: the task's own call then never returns.
  const drained = Promise.withResolvers<never>();
  let isScratchMade = false;
  const context: TaskContext = {
    target: order.target,
    variables: order.variables,
    with: parameters,
    inputs: taskInputs(attempt),
    outputs: taskOutputs(attempt),
    get scratch() {
      if (!isScratchMade) mkdirSync(order.scratch, { recursive: true });
      isScratchMade = true;
      return order.scratch;
    },
    signal: attempt.control.signal,
    resumed:
      resumed === undefined ? undefined : { records: resumed.records, position: resumed.position },
    progress: (progress) => attempt.control.progress(progress),
    checkpoint: async (checkpoint) => {
      if (!(await saveCheckpoint(attempt, { tables, checkpoint }))) return;
      drained.reject(new Interrupted());
      await new Promise<never>(() => {});
    },
    sql: async () => taskSql(await attempt.database()),
    hub: () => taskHub(attempt),
    dataset: order.dataset,
    provenance: order.provenance,
    excluded: order.excluded,
    table: (output) => tables.table(output),
    reject: (reject) => tables.reject(reject),
    account: (account) => {
      said.account = account;
    },
    published: (published) => {
      said.published = published;
    },
    log: (line) => attempt.log.line(line),
  };
  await Promise.race([module.task.run(context), drained.promise]);
  const written = await tables.finish();
  return { ...written, ...said, meaning: { ...taskMeaning(module), code: module.code } };
}

/** Saves a checkpoint; true when the target is to end here. */
async function saveCheckpoint(
  { control, log }: Attempt,
  { tables, checkpoint }: { readonly tables: TaskTables; readonly checkpoint: Checkpoint },
): Promise<boolean> {
  control.signal.throwIfAborted();
  const { records, position } = checkpoint;
  // Not being able to write rows is a failure; not being able to note the position is not: the
  // next attempt then goes on from the position before.
  const rowLogs = await tables.save();
  const problem = await control.checkpoint({ records, position, rowLogs });
  if (problem !== undefined) log.line(`checkpoint at ${records} not saved: ${problem}`);
  return control.isDraining();
}

function taskInputs({ inputs }: Attempt): TaskContext['inputs'] {
  const byName: Record<string, TaskInput> = {};
  for (const name of inputs.names) {
    byName[name] = {
      get path() {
        const path = inputs.onlyFile(name);
        if (path !== undefined) return path;
        throw targetError('task-error', `The input "${name}" is not exactly one file`, {
          hint: `await inputs.${name}.files() gives all of them`,
        });
      },
      files: () => inputs.files(name),
      get producers() {
        return inputs.producers(name);
      },
    };
  }
  return byName;
}

function taskOutputs({ stagedPaths }: Attempt): TaskContext['outputs'] {
  const byName: Record<string, TaskOutput> = {};
  for (const [name, path] of stagedPaths) byName[name] = { path };
  return byName;
}

async function taskHub({ order, control, log }: Attempt): Promise<Hub> {
  const { hub } = order;
  if (hub === undefined) {
    throw targetError('task-error', 'The pipeline names no Hub', {
      hint: 'add "hub: {endpoint: https://huggingface.co}" to the pipeline',
    });
  }
  return openHub(hub, { signal: control.signal, log: (line) => log.line(line) });
}

export function taskSql(database: Database): Sql {
  return {
    run: async (statement, values) => {
      await database.rows(statement, values);
    },
    rows: (statement, values) => database.rows(statement, values),
  };
}
