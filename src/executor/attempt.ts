// One attempt at one target, from the order to the outcome: inputs, rule, result. The one place
// where whatever was thrown on the way becomes a failure.
import type { Failure } from '../trace.ts';
import type { Database } from './duckdb.ts';
import type { Outcome, WorkOrder } from './executor.ts';
import { Inputs } from './inputs.ts';
import { watchMemory } from './peak-memory.ts';
import { finishResult } from './result.ts';
import { type Attempt, type Control, Interrupted, type RuleResult } from './rule.ts';
import { DatabaseError, sqlFailure } from './sql-error.ts';
import { besideOutputs, prepareStage } from './stage.ts';
import { blamedBy, failureOf } from './target-error.ts';
import type { TargetLog } from './target-log.ts';

export async function attemptTarget(order: WorkOrder, control: Control): Promise<Outcome> {
  const memory = watchMemory();
  const { log } = control;
  const database = new LazyDatabase(order, control.signal);
  let isQuiet = order.rule.kind !== 'task';
  try {
    control.signal.throwIfAborted();
    const inputs = new Inputs(order, { database: database.get, signal: control.signal });
    const work = async () => {
      await inputs.prepare();
      const stagedPaths = prepareStage(order);
      const attempt = { order, control, log, inputs, stagedPaths, database: database.get };
      return await finishResult(attempt, await runRule(attempt));
    };
    const result = await Promise.race([work(), control.broken]);
    isQuiet = true;
    const engine = { node: process.versions.node, ...(await database.engine()) };
    return { kind: 'done', result: { ...result, engine, peakBytes: memory().peakBytes } };
  } catch (error) {
    const isStopped =
      error instanceof Interrupted ||
      (control.signal.aborted && !(error instanceof Error && error.name === 'TargetError')) ||
      (error instanceof DatabaseError && error.isInterrupt);
    if (isStopped) return { kind: 'interrupted' };
    const failure = failureFrom(error, order);
    const blamed = blamedBy(error);
    return { kind: 'failed', failure: logged(log, failure), peakBytes: memory().peakBytes, blamed };
  } finally {
    // A task that ended early may still be in the middle of a query, and closing under it would
    // crash the worker, which is not used again anyway.
    if (isQuiet) database.close();
    log.close();
  }
}

// Each kind brings its own libraries; a worker that never runs SQL never loads DuckDB. They are kept
// here because to import what is loaded already costs as much as a small target's files.
let sqlRule: typeof import('./sql.ts') | undefined;
let taskRule: typeof import('./task-rule.ts') | undefined;
let shellRule: typeof import('./shell.ts') | undefined;

async function runRule(attempt: Attempt): Promise<RuleResult> {
  const { rule } = attempt.order;
  switch (rule.kind) {
    case 'sql': {
      sqlRule ??= await import('./sql.ts');
      return await sqlRule.runSql(attempt, rule);
    }
    case 'task': {
      taskRule ??= await import('./task-rule.ts');
      return await taskRule.runTask(attempt, rule);
    }
    case 'run': {
      shellRule ??= await import('./shell.ts');
      return await shellRule.runShell(attempt, rule.command);
    }
  }
}

function failureFrom(error: unknown, order: WorkOrder): Failure {
  if (error instanceof DatabaseError) return sqlFailure(error.fault, undefined);
  return failureOf(error, order.rule.kind === 'task' ? 'task-error' : 'internal');
}

/** Every failure has a log; when that cannot be written either, the failure says so. */
function logged(log: TargetLog, failure: Failure): Failure {
  try {
    log.failure(failure);
    return failure;
  } catch (error) {
    const { message } = failureOf(error, 'internal');
    return { ...failure, detail: `${failure.detail ?? ''}\nno log: ${message}`.trim() };
  }
}

/** Of what a target may hold, the part that is not DuckDB's: Node, the binding, what malloc keeps. */
const BESIDE_DATABASE_BYTES = 128 * 2 ** 20;

/** DuckDB spills, and then refuses, beyond this; 0 without a limit. */
function databaseBytes({ memoryBytes }: WorkOrder): number {
  return Math.max(memoryBytes / 2, memoryBytes - BESIDE_DATABASE_BYTES);
}

/** Opens the target's database on first use, interrupts it when the target must end. */
class LazyDatabase {
  readonly #order: WorkOrder;
  readonly #signal: AbortSignal;
  #opened: Promise<Database> | undefined;
  #database: Database | undefined;

  constructor(order: WorkOrder, signal: AbortSignal) {
    this.#order = order;
    this.#signal = signal;
  }

  readonly get = (): Promise<Database> => {
    this.#opened ??= this.#open();
    return this.#opened;
  };

  async engine(): Promise<Readonly<Record<string, string>>> {
    if (this.#opened === undefined) return {};
    const { engineVersion } = await import('./duckdb.ts');
    return { duckdb: await engineVersion() };
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#interrupt);
    this.#database?.close();
  }

  readonly #interrupt = (): void => this.#database?.interrupt();

  async #open(): Promise<Database> {
    const { openDatabase } = await import('./duckdb.ts');
    const database = await openDatabase({
      memoryBytes: databaseBytes(this.#order),
      temporaryFolder: besideOutputs(this.#order, 'spill'),
      root: this.#order.root,
    });
    this.#database = database;
    this.#signal.addEventListener('abort', this.#interrupt);
    return database;
  }
}
