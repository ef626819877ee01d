// The task rule: gives a TypeScript task its context exactly as `src/task.ts` documents it, runs
// it, and gathers what it wrote through tables, rejects and its account.
import { mkdirSync } from 'node:fs';
import type {
  Account,
  Finding,
  Hub,
  Piece,
  Progress,
  Published,
  Sql,
  TaskContext,
  TaskInput,
  TaskOutput,
} from '../task.ts';
import type { Database } from './duckdb.ts';
import type { RuleOrder } from './executor.ts';
import { parseInThreads } from './parse-threads.ts';
import { type Attempt, Interrupted, type RuleResult } from './rule.ts';
import { targetError } from './target-error.ts';
import { TaskCheckpoints } from './task-checkpoint.ts';
import { loadPlannedTask, loadTask, type Parameters, taskMeaning } from './task-module.ts';
import { openHub } from './worker-hub.ts';

export async function runTask(
  attempt: Attempt,
  rule: Extract<RuleOrder, { kind: 'task' }>,
): Promise<RuleResult> {
  const { order, control } = attempt;
  // What was saved on the way belongs to the code before; else the trace tells which code ran.
  const isResumed = order.resume !== undefined;
  const module = isResumed ? await loadPlannedTask(rule) : await loadTask(rule.module);
  // Threads run the very code that runs here.
  const planned = { ...rule, code: module.code };
  const parameters = await module.checkParameters(order.with);
  const checkpoints = await TaskCheckpoints.open(attempt, module.ignored);
  const { resumed } = checkpoints;
  const said: { account?: Account; published?: Published; progress?: Progress } = {};
  const findings: Finding[] = [];
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
    signal: control.signal,
    resumed:
      resumed === undefined ? undefined : { records: resumed.records, position: resumed.position },
    get isDraining() {
      return control.isDraining();
    },
    progress: (progress) => {
      said.progress = progress;
      control.progress(progress);
    },
    checkpoint: async (checkpoint) => {
      await checkpoints.save(checkpoint, said.progress);
      if (!control.isDraining()) return;
      drained.reject(new Interrupted());
      await new Promise<never>(() => {});
    },
    cut: async () => await (await checkpoints.tables()).cut(),
    parse: (pieces, { threads }) =>
      parsePieces(pieces, { threads, rule: planned, parameters, attempt, checkpoints }),
    sql: async () => taskSql(await attempt.database()),
    hub: () => taskHub(attempt),
    dataset: order.dataset,
    provenance: order.provenance,
    excluded: order.excluded,
    table: async (output) => await (await checkpoints.tables()).table(output),
    reject: async (reject) => await (await checkpoints.tables()).reject(reject),
    account: (account) => {
      said.account = account;
    },
    finding: (finding) => {
      findings.push(finding);
    },
    published: (published) => {
      said.published = published;
    },
    log: (line) => attempt.log.line(line),
  };
  await Promise.race([module.task.run(context), drained.promise]);
  const written = await (await checkpoints.openTables)?.finish();
  const { account, published } = said;
  return {
    ...(written ?? NOTHING_WRITTEN),
    ...(account === undefined ? {} : { account }),
    ...(published === undefined ? {} : { published }),
    ...(findings.length === 0 ? {} : { findings }),
    meaning: { ...taskMeaning(module), code: module.code },
  };
}

const NOTHING_WRITTEN = { written: new Map(), rejects: 0, rejectsFile: undefined };

async function* parsePieces<T extends Piece>(
  pieces: AsyncIterable<T>,
  {
    threads,
    rule,
    parameters,
    attempt,
    checkpoints,
  }: {
    readonly threads: number;
    readonly rule: Extract<RuleOrder, { kind: 'task' }>;
    readonly parameters: Parameters;
    readonly attempt: Attempt;
    readonly checkpoints: TaskCheckpoints;
  },
): ReturnType<typeof parseInThreads<T>> {
  const tables = await checkpoints.tables();
  const { variables } = attempt.order;
  yield* parseInThreads(pieces, {
    threads,
    data: { rule, with: parameters, variables, tables: tables.tables },
    accept: ({ blocks }) => tables.appendBlocks(blocks),
  });
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
