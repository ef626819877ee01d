// Looks at every target without changing anything: what `status`, `explain` and `-n` show. Works
// beside a running process.
import type { HubConfig } from '../config/config.ts';
import type { CheckpointRecord, Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetKey } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { StoreReader } from '../store/store.ts';
import { type Assessment, assess, assessAllFresh } from './assess.ts';
import { findCauses, type RootCause } from './causes.ts';
import { checkpointDifferences, workIdentity } from './checkpoint.ts';
import { type Estimate, type EstimateContext, estimateContext, estimatePlan } from './estimate.ts';
import { Answers, TargetFacts } from './facts.ts';
import { Inspector, looksUnchanged } from './inspect.ts';
import { Meanings } from './meanings.ts';
import { OutputListing } from './output-listing.ts';
import { type Remark, Remarks } from './remarks.ts';

export interface SurveyOptions {
  readonly graph: Graph;
  readonly fs: FileSystem;
  readonly store: StoreReader;
  readonly executor: () => Promise<Executor>;
  readonly engine: Readonly<Record<string, string>>;
  readonly hubId: (hub: HubConfig) => string;
  readonly needed: Uint8Array;
  readonly forced: Uint8Array | undefined;
  readonly rehash: 'all' | 'unproven' | 'none';
  /** A glance has shown that everything needed is up to date. */
  readonly isAllFresh: boolean;
}

export interface Survey {
  readonly assessment: Assessment;
  recorded(id: TargetId): TargetState | undefined;
  /**
   * The checkpoint of a target that is not done, and why it does not count for what the target
   * would do now; what only reading an outside file tells is not among the reasons.
   */
  checkpointOf(id: TargetId): RecordedCheckpoint | undefined;
  /** Why a target is not up to date: its own reasons, and what they come from. */
  causesOf(id: TargetId): readonly RootCause[];
  /** What it would take to bring everything up to date, with so much to work with. */
  estimate(pools: EstimateContext['pools']): Estimate;
  /** What else the journals of the selection say, by journal. */
  readonly remarks: ReadonlyMap<string, Remark>;
}

export interface RecordedCheckpoint {
  readonly record: CheckpointRecord;
  readonly differences: readonly string[];
}

export async function survey(options: SurveyOptions): Promise<Survey> {
  const { graph, fs, store, engine } = options;
  const { work } = graph.plan.config;
  const answers = new Answers();
  const listing = new OutputListing(fs, work);
  const recorded = (id: TargetId) => {
    const { step, cell, member } = locateTarget(graph.plan, id);
    return store.load(step.table.journals[member] ?? '').targets.get(targetKey(step, cell));
  };
  const { hubId } = options;
  const facts = new TargetFacts({
    graph,
    fs,
    listing,
    answers,
    engine,
    hubId,
    doubtsOutside: options.rehash === 'all',
  });
  const meanings = new Meanings(fs, { state: `${work}/state`, engine });
  const { signal } = new AbortController();
  const inspector = new Inspector({
    graph,
    facts,
    answers,
    meanings,
    fs,
    executor: options.executor,
    onVerified: () => {},
    signal,
  });
  const remarks = new Remarks();
  const judged = (): Promise<Assessment> =>
    assess({
      graph,
      facts,
      answers,
      load: (journal) => remarks.see(journal, store.load(journal)),
      looksUnchanged: (trace) => looksUnchanged(trace, { fs, work }),
      needed: options.needed,
      forced: options.forced,
      rehash: options.rehash,
      answer: (questions) => inspector.answer(questions),
      signal,
    });
  const assessment = options.isAllFresh ? assessAllFresh(options.needed) : await judged();
  const checkpointOf = (id: TargetId): RecordedCheckpoint | undefined => {
    const checkpoint = recorded(id)?.checkpoint;
    if (checkpoint === undefined) return undefined;
    const outside = facts.outsideInputs(locateTarget(graph.plan, id));
    const now = workIdentity(id, { plan: graph.plan, facts, outside });
    return { record: checkpoint.record, differences: checkpointDifferences(checkpoint, now) };
  };
  return {
    assessment,
    recorded,
    checkpointOf,
    remarks: remarks.found,
    causesOf: (id) => findCauses(id, { graph, assessment }),
    estimate: (pools) => estimatePlan(estimateContext({ graph, assessment, facts, store, pools })),
  };
}
