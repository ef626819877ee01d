// One attempt at one target, in the order that makes a crash at any point harmless: `started` in
// the journal, the work, publication, the trace. Says how it ended; when, and what then, is not
// decided here.
import { posix } from 'node:path';
import type {
  CheckpointRecord,
  Executor,
  Outcome,
  WorkOrder,
  WorkResult,
} from '../executor/executor.ts';
import { digestText } from '../fingerprint.ts';
import { forEachProducer } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetName } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import { type Failure, type Trace, writtenBytes } from '../trace.ts';
import { identityText, workOf } from './checkpoint.ts';
import type { RunContext } from './context.ts';
import type { TargetFacts } from './facts.ts';
import { failureOf } from './failure.ts';
import { CalledOff } from './listed-paths.ts';
import type { MemoryNeeds } from './memory-needs.ts';
import { type OwnedPaths, ownedByOthers } from './ownership.ts';
import { pause } from './pause.ts';
import { writeProvenance } from './provenance.ts';
import { publish } from './publish.ts';
import type { Recorder } from './recorder.ts';
import { RELEASED_DIGEST, releaseFiles } from './release.ts';
import { Retries } from './retries.ts';
import { SharedStage } from './shared-stage.ts';
import { figuresOf, traceOf } from './success.ts';
import { NO_TAKEOVER, type Takeover, Takeovers } from './takeover.ts';
import type { Tally } from './tally.ts';
import {
  leftovers,
  makeWorkOrder,
  orderBytes,
  type TargetPaths,
  targetPaths,
} from './work-order.ts';

export type Ending =
  /** `bytesWritten` is what it has put on the disk. */
  | { readonly kind: 'done'; readonly bytesWritten: number }
  | { readonly kind: 'failed' | 'interrupted' }
  | { readonly kind: 'retry'; readonly waitMs: number };

export interface AttemptRequest {
  readonly reasons: readonly string[];
  /** What it has of the memory pool. */
  readonly memoryBytes: number;
  /** Told when the work is done and only publication is left. */
  readonly worked: () => void;
}

interface Attempt {
  readonly id: TargetId;
  readonly name: string;
  readonly step: string;
  readonly attempt: number;
  readonly startedMs: number;
  /** Digest of the result before, where there was one. */
  readonly before: string | undefined;
  readonly effort: { bytesIn: number; worker?: number };
  /** What others have where this result will lie. */
  readonly takeover: Takeover;
}

export class TargetRunner {
  readonly #context: RunContext;
  readonly #facts: TargetFacts;
  readonly #recorder: Recorder;
  readonly #tally: Tally;
  readonly #needs: MemoryNeeds;
  readonly #retries: Retries;
  readonly #takeovers: Takeovers;
  readonly #sharedStage: SharedStage;
  /** Tells the shared sync that no more targets end. */
  #noMore: (() => void) | undefined;
  #executor: Promise<Executor> | undefined;

  constructor(
    context: RunContext,
    parts: { facts: TargetFacts; recorder: Recorder; tally: Tally; needs: MemoryNeeds },
  ) {
    this.#context = context;
    this.#facts = parts.facts;
    this.#recorder = parts.recorder;
    this.#tally = parts.tally;
    this.#needs = parts.needs;
    this.#retries = new Retries({ ...parts, random: context.random });
    const { graph, fs, store } = context;
    const executor = () => this.executor();
    this.#takeovers = new Takeovers({ graph, fs, store, ...parts, executor });
    this.#sharedStage = new SharedStage(fs, posix.join(graph.plan.config.work, 'tmp'));
  }

  /** Nothing is attempted any more. */
  close(): void {
    this.#noMore?.();
    this.#sharedStage.close();
  }

  /** Whether anything was ever sent to a worker. */
  get used(): boolean {
    return this.#executor !== undefined;
  }

  executor(): Promise<Executor> {
    this.#executor ??= this.#context.executor();
    return this.#executor;
  }

  async attempt(id: TargetId, request: AttemptRequest): Promise<Ending> {
    const { clock, graph } = this.#context;
    const state = this.#recorder.stateOf(id);
    const attempt: Attempt = {
      id,
      name: targetName(graph.plan, id),
      step: locateTarget(graph.plan, id).step.name,
      attempt: (state?.attempt ?? 0) + 1,
      startedMs: clock.monotonicMs(),
      before: state?.trace?.digest,
      effort: { bytesIn: 0 },
      takeover: NO_TAKEOVER,
    };
    try {
      const takeover = await this.#takeovers.lookFor(id, state);
      return await this.#perform({ ...attempt, takeover }, { state, ...request });
    } catch (error) {
      if (error instanceof CalledOff) return this.#finish(attempt, { kind: 'interrupted' });
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      return this.#fail(attempt, failure);
    }
  }

  async #perform(
    attempt: Attempt,
    { state, reasons, memoryBytes, worked }: AttemptRequest & { state: TargetState | undefined },
  ): Promise<Ending> {
    const { graph, report } = this.#context;
    const { id } = attempt;
    const { step } = locateTarget(graph.plan, id);
    const { work } = graph.plan.config;
    const paths = targetPaths(graph, id, attempt.attempt);
    const { rule, hub } = step.config;
    const isTask = rule.kind === 'task';
    const outside = this.#facts.outsideInputsNow(locateTarget(graph.plan, id));
    const facts = this.#facts;
    const begun = isTask ? workOf(id, { plan: graph.plan, facts, outside, state }) : undefined;
    const { identity, resume } = begun ?? {};
    const { inherited } = attempt.takeover;
    const scratch = identity === undefined ? '' : digestText(identityText(identity)).slice(0, 12);
    this.#clearScratch(posix.join(work, paths.scratch), scratch);
    const order = makeWorkOrder(id, {
      attempt: attempt.attempt,
      scratch: posix.join(paths.scratch, scratch),
      resume,
      inherited,
      outside,
      context: {
        graph,
        facts: this.#facts,
        stateOf: (other) => (other === id ? state : this.#recorder.stateOf(other)),
        memoryBytes,
        hub: isTask && hub !== undefined ? await this.#context.connectHub(hub) : undefined,
      },
    });
    this.#recorder.started(id, {
      status: 'started',
      attempt: attempt.attempt,
      previous: leftovers(order, { state, inherited }),
      ...(identity === undefined ? {} : { work: identity }),
      ...(resume === undefined ? {} : { resumed: true as const }),
    });
    const { attempt: number, name: target, step: stepName } = attempt;
    report({ type: 'target-started', target, step: stepName, attempt: number, reasons });
    if (rule.kind === 'release') return this.#release(attempt);
    attempt.effort.bytesIn = orderBytes(order);
    return this.#carryOut(attempt, { order, paths, worked });
  }

  async #carryOut(
    attempt: Attempt,
    { order, paths, worked }: { order: WorkOrder; paths: TargetPaths; worked: () => void },
  ): Promise<Ending> {
    const { graph, fs, report, onGroup } = this.#context;
    const { id, name: target, step } = attempt;
    if (order.provenance !== undefined) {
      const stateOf = (other: TargetId) => this.#recorder.stateOf(other);
      writeProvenance(id, { graph, fs, stateOf, path: order.provenance });
    }
    this.#noMore ??= this.#context.sharedSync.expectMore();
    const executor = await this.executor();
    const sharedStage = this.#sharedStage.take(order);
    try {
      const outcome = await executor.execute(
        { ...order, sharedStage },
        {
          taken: (worker) => Object.assign(attempt.effort, { worker }),
          progress: (progress) => report({ type: 'target-progress', target, step, progress }),
          checkpoint: (record) => this.#checkpoint(attempt, record),
          group: onGroup,
        },
      );
      if (outcome.kind === 'done') worked();
      const ending = await this.#finish(attempt, outcome);
      // A publication has removed the stage itself; scratch outlives whatever may be tried again.
      fs.remove(posix.join(order.work, ending.kind === 'done' ? paths.scratch : paths.stage));
      return ending;
    } finally {
      if (sharedStage !== undefined) this.#sharedStage.giveBack(sharedStage);
    }
  }

  /** What an attempt kept is found again by its inputs and fingerprint; the rest is garbage. */
  #clearScratch(folder: string, kept: string) {
    const { fs } = this.#context;
    for (const name of fs.list(folder) ?? []) {
      if (name !== kept) fs.remove(posix.join(folder, name));
    }
  }

  async #finish(attempt: Attempt, outcome: Outcome): Promise<Ending> {
    switch (outcome.kind) {
      case 'done':
        return this.#succeed(attempt, outcome.result);
      case 'failed':
        this.#doubt(attempt, outcome);
        return this.#fail(attempt, outcome.failure);
      case 'interrupted': {
        const { id, name: target, step, effort } = attempt;
        this.#recorder.ended(id, { status: 'interrupted', attempt: attempt.attempt, effort });
        this.#context.report({ type: 'target-interrupted', target, step });
        return { kind: 'interrupted' };
      }
    }
  }

  async #release(attempt: Attempt): Promise<Ending> {
    const { graph, fs, store, clock, engine, report } = this.#context;
    const { id, name: target, step } = attempt;
    const executor = () => this.executor();
    const context = { graph, fs, store, recorder: this.#recorder, executor };
    const bytesFreed = await releaseFiles(id, context);
    const durationMs = Math.round(clock.monotonicMs() - attempt.startedMs);
    const trace: Trace = {
      fields: this.#facts.fieldsOf(locateTarget(graph.plan, id)),
      inputs: this.#facts.inputDigests(id),
      artifacts: [],
      digest: RELEASED_DIGEST,
      bytesFreed,
      engine,
      durationMs,
    };
    this.#recorder.done(id, { attempt: attempt.attempt, trace });
    this.#tally.done(id, { trace, bytes: 0 });
    const figures = { durationMs, bytesIn: 0, bytesOut: 0, files: 0, bytesFreed };
    report({ type: 'target-done', target, step, ...figures, changed: false });
    return { kind: 'done', bytesWritten: 0 };
  }

  /** Producers that the target found at fault are made again by the next run. */
  #doubt({ id, name }: Attempt, { blamed, failure }: Extract<Outcome, { kind: 'failed' }>) {
    const { graph } = this.#context;
    const names = new Set(blamed ?? []);
    if (names.size === 0) return;
    forEachProducer(graph, id, (producer) => {
      if (!names.has(targetName(graph.plan, producer))) return;
      this.#recorder.doubt(producer, `${name} found its result at fault: ${failure.message}`);
    });
  }

  async #succeed(attempt: Attempt, result: WorkResult): Promise<Ending> {
    const { graph, fs, store, sharedSync, clock, report, engine } = this.#context;
    const { id } = attempt;
    const { work } = graph.plan.config;
    const { stage } = targetPaths(graph, id, attempt.attempt);
    this.#takeovers.take(id, attempt.takeover);
    // Of the work: how long a sync with others is waited for says nothing of the target.
    const durationMs = Math.round(clock.monotonicMs() - attempt.startedMs);
    // The new files and the voiding of old traces, before old files change: one sync serves both.
    // A turn for others as well: a worker has its next order before hundreds of files are renamed.
    const staged = { paths: result.unsynced, folder: posix.join(work, 'tmp') };
    const isStaged = staged.paths.length > 0 && sharedSync.durable(staged);
    await Promise.all([store.flush(), isStaged, pause()]);
    const left = result.obsolete.filter((path) => fs.stat(posix.join(work, path)) !== undefined);
    let owned = await this.#ownedByOthers(id, left);
    while (!owned.isCurrent()) owned = await this.#ownedByOthers(id, left);
    // From here to the trace nothing else has its turn.
    const obsolete = left.filter((path) => !owned.paths.has(path));
    publish({ ...result, obsolete }, { fs, work, stage: posix.join(work, stage) });
    const { plan } = graph;
    const rowGroupBytes = this.#needs.rowGroupBytesOf(id);
    const made = { result, durationMs, rowGroupBytes, plan, facts: this.#facts, engine };
    const trace = traceOf(id, made);
    this.#needs.took(id, result.peakBytes);
    this.#recorder.done(id, { attempt: attempt.attempt, trace, effort: attempt.effort });
    const bytes = writtenBytes(trace);
    this.#tally.done(id, { trace, bytes });
    const { name: target, step, effort } = attempt;
    const changed = attempt.before !== trace.digest;
    report({
      type: 'target-done',
      target,
      step,
      bytesIn: effort.bytesIn,
      bytesOut: bytes,
      changed,
      ...figuresOf(trace),
    });
    return { kind: 'done', bytesWritten: bytes };
  }

  /** What is obsolete of this target and has become another target's meanwhile. */
  #ownedByOthers(id: TargetId, obsolete: readonly string[]): Promise<OwnedPaths> {
    const context = {
      graph: this.#context.graph,
      facts: this.#facts,
      stateOf: (other: TargetId) => this.#recorder.stateOf(other),
      executor: () => this.executor(),
    };
    return ownedByOthers(obsolete, { id, context });
  }

  #fail(attempt: Attempt, failed: Failure): Ending {
    const { graph, clock, report } = this.#context;
    const { id, name: target, step, attempt: number, effort } = attempt;
    const { retries: policy } = locateTarget(graph.plan, id).step.config;
    const { log } = targetPaths(graph, id, number);
    const { failure, waitMs } = this.#retries.judge(id, { failure: failed, policy });
    this.#recorder.ended(id, { status: 'failed', attempt: number, failure, log, effort });
    if (waitMs !== undefined) {
      report({ type: 'target-retried', target, step, attempt: number, failure, waitMs });
      return { kind: 'retry', waitMs };
    }
    const durationMs = Math.round(clock.monotonicMs() - attempt.startedMs);
    const shown = this.#context.showPath(log);
    this.#tally.failed({ target, step, failure, log: shown });
    report({ type: 'target-failed', target, step, failure, log: shown, durationMs });
    return { kind: 'failed' };
  }

  async #checkpoint(attempt: Attempt, checkpoint: CheckpointRecord): Promise<void> {
    const { id, name: target, step } = attempt;
    await this.#recorder.checkpoint(id, { attempt: attempt.attempt, checkpoint });
    this.#context.report({ type: 'checkpoint', target, step, records: checkpoint.records });
  }
}
