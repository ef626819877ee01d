// Brings the selected targets up to date: the only place where the scheduler, which knows order,
// and the rebuilder, which knows freshness, meet. One target's way is in `target-run.ts`.
import type { RunSummary } from '../event.ts';
import { locateTarget, type TargetId, targetName } from '../plan/plan.ts';
import { explainReason, judge } from '../rebuilder.ts';
import type { Scheduler, Start } from '../scheduler.ts';
import type { TargetState } from '../store/journal-state.ts';
import { type Assessment, assess, type OpenQuestion, questionOf } from './assess.ts';
import type { RunContext } from './context.ts';
import { summarizeDatasets } from './datasets.ts';
import { finishDeadRuns } from './dead-run.ts';
import { DiskWatch } from './disk-watch.ts';
import { Answers, TargetFacts } from './facts.ts';
import { Inspector, looksUnchanged } from './inspect.ts';
import { Meanings } from './meanings.ts';
import { MemoryNeeds } from './memory-needs.ts';
import { openScheduler } from './open-scheduler.ts';
import { OutputListing } from './output-listing.ts';
import { Recorder } from './recorder.ts';
import { RetryWaits } from './retry-waits.ts';
import { settleFresh } from './settle-fresh.ts';
import { Tally } from './tally.ts';
import { type Ending, TargetRunner } from './target-run.ts';

export interface Run {
  /** Resolves when all is settled; rejects only on a bug or a store that cannot be written. */
  readonly ended: Promise<RunSummary>;
  /** Start nothing more; what runs stops at its next safe point. */
  drain(): void;
  /** End what runs now. */
  stop(): void;
}

export function startRun(context: RunContext): Run {
  const run = new PipelineRun(context);
  return { ended: run.execute(), drain: () => run.drain(), stop: () => run.stop() };
}

class PipelineRun {
  readonly #context: RunContext;
  readonly #answers = new Answers();
  readonly #listing: OutputListing;
  readonly #facts: TargetFacts;
  readonly #meanings: Meanings;
  readonly #recorder: Recorder;
  readonly #inspector: Inspector;
  /** Calls off what is looked at before anything runs. */
  readonly #stopping = new AbortController();
  readonly #tally: Tally;
  readonly #needs: MemoryNeeds;
  readonly #runner: TargetRunner;
  readonly #startedMs: number;
  #scheduler: Scheduler | undefined;
  #assessment: Assessment | undefined;
  #interrupted = false;
  #crash: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  /** Targets being checked with a question open. */
  #checking = 0;
  /** Targets whose outside files were rehashed because their mtime had changed. */
  readonly #touched = new Set<TargetId>();
  readonly #waits: RetryWaits;
  /** Groups that hold all that the disk may, when nothing more could start for it. */
  #diskHeldBy: readonly string[] = [];

  constructor(context: RunContext) {
    const { graph, fs, engine } = context;
    const { config } = graph.plan;
    this.#context = context;
    this.#waits = new RetryWaits(context.clock);
    this.#startedMs = context.clock.monotonicMs();
    this.#listing = new OutputListing(fs, config.work);
    this.#facts = new TargetFacts({
      graph,
      fs,
      listing: this.#listing,
      answers: this.#answers,
      engine,
      hubId: context.hubId,
      doubtsOutside: context.options.verify,
    });
    this.#meanings = new Meanings(fs, { state: `${config.work}/state`, engine });
    this.#recorder = new Recorder(context, { facts: this.#facts });
    this.#tally = new Tally(graph.plan, context.selection.needed);
    this.#needs = new MemoryNeeds({
      ...context,
      facts: this.#facts,
      stateOf: (id) => this.#recorder.stateOf(id),
    });
    const parts = { facts: this.#facts, recorder: this.#recorder, tally: this.#tally };
    this.#runner = new TargetRunner(context, { ...parts, needs: this.#needs });
    this.#inspector = new Inspector({
      graph,
      facts: this.#facts,
      answers: this.#answers,
      meanings: this.#meanings,
      fs,
      executor: () => this.#runner.executor(),
      onVerified: (target, mtimes) => this.#recorder.verified(target, mtimes),
      signal: this.#stopping.signal,
    });
  }

  async execute(): Promise<RunSummary> {
    const assessment = await this.#assess().catch((error: unknown) => {
      // Called off before anything was known: nothing is done, everything is left.
      if (this.#stopping.signal.aborted) return undefined;
      throw error;
    });
    if (assessment === undefined) return this.#summarizeNothing();
    this.#assessment = assessment;
    const { todo, fresh } = assessment;
    const needs = this.#needs;
    if (!(await this.#isAllowed(assessment))) {
      return this.#summarize(openScheduler(this.#context, { fresh, needs }), { end: 'declined' });
    }
    settleFresh(assessment, {
      ...this.#context,
      facts: this.#facts,
      recorder: this.#recorder,
      touched: this.#touched,
    });
    const stateOf = (id: TargetId) => this.#recorder.stateOf(id);
    const watch = new DiskWatch(this.#context, { todo, fresh, stateOf });
    const scheduler = openScheduler(this.#context, { fresh, needs, watch });
    this.#scheduler = scheduler;
    if (this.#interrupted) scheduler.drain();
    // What was listed no longer holds once something is published.
    if (todo > 0) this.#listing.forget();
    await this.#loop(scheduler, watch);
    this.#runner.close();
    watch.end();
    this.#meanings.save();
    finishDeadRuns(this.#context, { recorder: this.#recorder, scheduler });
    if (this.#crash !== undefined) throw this.#crash.error;
    return this.#summarize(scheduler, { end: todo === 0 ? 'nothing to do' : 'ran' });
  }

  drain(): void {
    this.#context.report({ type: 'draining', running: this.#scheduler?.running ?? 0 });
    this.#interrupt('drain');
  }

  stop(): void {
    this.#interrupt('stop');
  }

  #interrupt(how: 'drain' | 'stop') {
    this.#interrupted = true;
    this.#scheduler?.drain();
    // Looking at files may take long and can end anywhere.
    this.#stopping.abort();
    for (const id of this.#waits.callOffAll()) this.#scheduler?.settle(id, 'interrupted');
    this.#interruptExecutor(how);
  }

  #interruptExecutor(how: 'drain' | 'stop') {
    if (this.#runner.used) void this.#runner.executor().then((it) => it.interrupt(how));
    this.#wake();
  }

  /** No when it was called off as well: then the summary says so. */
  async #isAllowed(assessment: Assessment): Promise<boolean> {
    const { confirm } = this.#context;
    if (confirm === undefined || assessment.todo === 0) return true;
    const { isAllowed } = await import('./consent.ts');
    const { signal } = this.#stopping;
    return isAllowed(assessment, { ...this.#context, confirm, facts: this.#facts, signal });
  }

  #assess(): Promise<Assessment> {
    const { graph, selection, store, remarks, fs, options } = this.#context;
    return assess({
      graph,
      facts: this.#facts,
      answers: this.#answers,
      load: (journal) => remarks.see(journal, store.load(journal)),
      looksUnchanged: (trace) => looksUnchanged(trace, { fs, work: graph.plan.config.work }),
      needed: selection.needed,
      forced: options.force ? selection.named : undefined,
      rehash: options.verify ? 'all' : 'unproven',
      answer: (questions) => this.#answer(questions),
      signal: this.#stopping.signal,
    });
  }

  async #answer(questions: readonly OpenQuestion[]): Promise<void> {
    for (const { kind, target } of questions) if (kind === 'digest') this.#touched.add(target);
    await this.#inspector.answer(questions);
  }

  async #loop(scheduler: Scheduler, watch: DiskWatch): Promise<void> {
    for (;;) {
      watch.look();
      for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
        this.#check(id, scheduler);
      }
      for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
        watch.goOn();
        this.#start(next, scheduler);
      }
      if (this.#crash !== undefined && scheduler.running === 0) return;
      if (scheduler.ended && this.#checking === 0) return;
      const shortage = this.#checking === 0 ? scheduler.shortage : undefined;
      if (shortage?.kind === 'budget') {
        this.#diskHeldBy = shortage.heldBy;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (shortage !== undefined) watch.wait(shortage, resolve);
      });
    }
  }

  /** A target whose dependencies are settled is judged with what they really gave. */
  #check(id: TargetId, scheduler: Scheduler) {
    const { options, selection, report, graph } = this.#context;
    const state = this.#recorder.stateOf(id);
    const forced = options.force && selection.named[id] === 1;
    const verdict = judge(this.#facts.current(id), this.#facts.recorded(id, state));
    if (forced || verdict.kind === 'stale') {
      scheduler.queue(id);
      return;
    }
    const question =
      verdict.kind === 'unknown'
        ? questionOf(id, { verdict, graph, facts: this.#facts })
        : this.#doubtOf(id, state);
    if (question !== undefined) {
      this.#checking += 1;
      void this.#answer([question])
        .then(() => this.#check(id, scheduler))
        .catch((error: unknown) => {
          if (!this.#stopping.signal.aborted) this.#fail(error, scheduler);
          scheduler.settle(id, 'interrupted');
        })
        .finally(() => {
          this.#checking -= 1;
          this.#wake();
        });
      return;
    }
    const trace = state?.trace;
    if (trace !== undefined) this.#facts.setDigest(id, trace.digest);
    this.#recorder.settled(id, true);
    report({ type: 'fresh', step: locateTarget(graph.plan, id).step.name, count: 1 });
    scheduler.settle(id, 'fresh');
  }

  /** Outputs that nobody has proven since a crash, or under `--verify`, are rehashed first. */
  #doubtOf(id: TargetId, state: TargetState | undefined): OpenQuestion | undefined {
    const trace = state?.trace;
    if (trace === undefined || state?.released !== undefined) return undefined;
    if (this.#answers.outputs.has(id)) return undefined;
    if (state?.proven === true && !this.#context.options.verify) return undefined;
    return { kind: 'outputs', target: id, trace };
  }

  #start({ id, memoryBytes }: Start, scheduler: Scheduler) {
    const worked = () => {
      scheduler.free(id);
      this.#wake();
    };
    void this.#runner
      .attempt(id, { reasons: this.#reasons(id), memoryBytes, worked })
      .then((ending) => this.#settle(id, { ending, scheduler }))
      .catch((error: unknown) => {
        this.#fail(error, scheduler);
        // What was thrown ends the run, but only once everything that runs is settled.
        if (scheduler.stateOf(id) === 'running') scheduler.settle(id, 'interrupted');
      })
      .finally(() => this.#wake());
  }

  #settle(id: TargetId, { ending, scheduler }: { ending: Ending; scheduler: Scheduler }) {
    if (ending.kind !== 'retry') {
      this.#needs.forget(id);
      const bytesWritten = ending.kind === 'done' ? ending.bytesWritten : 0;
      scheduler.settle(id, ending.kind, { bytesWritten });
      if (ending.kind === 'failed') this.#reportBlocked(id, scheduler);
      return;
    }
    scheduler.retry(id);
    if (this.#interrupted) {
      scheduler.settle(id, 'interrupted');
      return;
    }
    const then = () => {
      scheduler.queue(id);
      this.#wake();
    };
    this.#waits.add(id, { waitMs: ending.waitMs, then });
  }

  #reportBlocked(cause: TargetId, scheduler: Scheduler) {
    const { graph, report } = this.#context;
    for (const step of graph.plan.steps) {
      const count = this.#tally.newlyBlocked(step, scheduler.counts(step).blocked);
      if (count > 0) {
        report({ type: 'blocked', step: step.name, count, cause: targetName(graph.plan, cause) });
      }
    }
  }

  /** A bug or a state folder that cannot be written: nothing more is begun. */
  #fail(error: unknown, scheduler: Scheduler) {
    this.#crash ??= { error };
    scheduler.drain();
    this.#interruptExecutor('stop');
  }

  #reasons(id: TargetId): readonly string[] {
    if (this.#assessment?.stateOf(id) === 'stale') {
      return this.#assessment.reasonsOf(id).map(explainReason);
    }
    const recorded = this.#facts.recorded(id, this.#recorder.stateOf(id));
    const verdict = judge(this.#facts.current(id), recorded);
    return verdict.kind === 'stale' ? verdict.reasons.map(explainReason) : ['asked for by --force'];
  }

  #datasets() {
    const { graph, selection } = this.#context;
    const stateOf = (id: TargetId) => this.#recorder.stateOf(id);
    return summarizeDatasets(graph.plan, { needed: selection.needed, stateOf });
  }

  /** Called off before anything was judged: everything is left. */
  #summarizeNothing(): RunSummary {
    const fresh = new Uint8Array(this.#context.selection.needed.length);
    const scheduler = openScheduler(this.#context, { fresh, needs: this.#needs });
    return this.#summarize(scheduler, { end: 'ran' });
  }

  #summarize(
    scheduler: Scheduler,
    { end }: { readonly end: 'ran' | 'nothing to do' | 'declined' },
  ): RunSummary {
    return this.#tally.summarize({
      counts: (step) => scheduler.counts(step),
      interrupted: this.#interrupted,
      diskHeldBy: this.#diskHeldBy,
      declined: end === 'declined',
      nothingToDo: end === 'nothing to do',
      datasets: end === 'ran' ? this.#datasets() : [],
      durationMs: this.#context.clock.monotonicMs() - this.#startedMs,
    });
  }
}
