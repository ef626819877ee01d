// How long a plan would take and how much it would write, from what the same steps took before.
// What never ran here is counted as unknown and not guessed.
import type { PoolName } from '../config/config.ts';
import { type PlanStep, targetId } from '../plan/plan.ts';
import type { StoreReader } from '../store/store.ts';
import { History, inProportion, type Past } from './history.ts';
import { foretellTransfers, type TransferContext, type Transfers } from './transfers.ts';
import { targetWeights } from './weights.ts';

type Pools = Readonly<Record<PoolName, number>>;

/** Of some targets together: sums over those that are like something that was made before. */
export interface Amount {
  readonly targets: number;
  /** Nothing is known of this many. */
  readonly unknownTargets: number;
  /** As if they ran one after the other. */
  readonly durationMs: number;
  readonly writtenBytes: number;
}

export interface StepEstimate {
  readonly step: PlanStep;
  /** What is stale, whatever comes out of the rest. */
  readonly would: Amount;
  /** What waits for something that runs. */
  readonly may: Amount;
  /** Largest memory of one target so far; 0 where nobody looked. */
  readonly peakBytes: number;
}

export interface Estimate {
  /** One for every step, in the plan's order. */
  readonly steps: readonly StepEstimate[];
  /** Wall time with the pools as they are: of what would run, and of all that may. */
  readonly wouldTakeMs: number;
  readonly mayTakeMs: number;
  readonly unknownTargets: number;
  readonly transfers: Transfers;
  /** Written beside what lies here, at most: results that are replaced take their own place. */
  readonly diskBytes: number;
  /** How much of that a step of the plan frees again. */
  readonly freedBytes: number;
}

export interface EstimateContext extends TransferContext {
  readonly pools: Pools;
}

/** Journals are read for it when something is to be foretold, and once. */
export function estimateContext({
  store,
  ...parts
}: Pick<EstimateContext, 'graph' | 'assessment' | 'facts' | 'pools'> & {
  readonly store: Pick<StoreReader, 'load' | 'journals'>;
}): EstimateContext {
  let history: History | undefined;
  return {
    ...parts,
    load: (journal) => store.load(journal),
    history: () => {
      history ??= new History(parts.graph.plan, store);
      return history;
    },
  };
}

export function estimatePlan(context: EstimateContext): Estimate {
  const { graph, pools } = context;
  const freed = new Set(
    graph.plan.steps.flatMap(({ releases }) => releases.map(({ step }) => step)),
  );
  const counted = graph.plan.steps.map((step) => countStep(step, context));
  const added = counted.reduce((sum, { newBytes }) => sum + newBytes, 0);
  const released = counted.filter(({ step }) => freed.has(step.index));
  return {
    steps: counted,
    wouldTakeMs: wallTime(counted, { pools, amountOf: ({ would }) => [would] }),
    mayTakeMs: wallTime(counted, { pools, amountOf: ({ would, may }) => [would, may] }),
    unknownTargets: counted.reduce(
      (sum, { would, may }) => sum + would.unknownTargets + may.unknownTargets,
      0,
    ),
    transfers: foretellTransfers(context),
    diskBytes: added,
    freedBytes: released.reduce((sum, { newBytes }) => sum + newBytes, 0),
  };
}

interface Counted extends StepEstimate {
  readonly would: CountedAmount;
  readonly may: CountedAmount;
  /** Bytes of results that have nothing to replace here. */
  readonly newBytes: number;
}

interface CountedAmount extends Amount {
  /** Of one target. */
  readonly longestMs: number;
}

class Adder implements CountedAmount {
  targets = 0;
  unknownTargets = 0;
  durationMs = 0;
  writtenBytes = 0;
  longestMs = 0;

  /** Gives the bytes that it would write. */
  add(past: Past | undefined, sourceBytes: number): number {
    this.targets += 1;
    if (past === undefined) {
      this.unknownTargets += 1;
      return 0;
    }
    const to = { targets: 1, sourceBytes };
    const durationMs = inProportion(past.durationMs, { of: past.timed, to });
    const bytes = inProportion(past.writtenBytes, { of: past.sized, to });
    // What was only ever made elsewhere has sizes and no times.
    if (past.timed.targets === 0) this.unknownTargets += 1;
    this.durationMs += durationMs;
    this.writtenBytes += bytes;
    this.longestMs = Math.max(this.longestMs, durationMs);
    return bytes;
  }
}

function countStep(step: PlanStep, context: EstimateContext): Counted {
  const { assessment, facts } = context;
  const amounts = { stale: new Adder(), pending: new Adder() };
  let newBytes = 0;
  let peakBytes = 0;
  for (let cell = 0; cell < step.cellCount; cell += 1) {
    for (let member = 0; member < step.memberCount; member += 1) {
      const id = targetId(step, cell, member);
      const state = assessment.stateOf(id);
      if (state !== 'stale' && state !== 'pending') continue;
      const history = context.history();
      const past = history.of(step, cell);
      const bytes = amounts[state].add(past, history.sourceBytes(step.table, member));
      if (facts.resultOf(id) !== 'here') newBytes += bytes;
      peakBytes = Math.max(peakBytes, past?.peakBytes ?? 0);
    }
  }
  return { step, would: amounts.stale, may: amounts.pending, newBytes, peakBytes };
}

/**
 * The pool that is busy the longest decides, unless a chain of single targets takes longer still:
 * three files on eight cores are done when the largest has gone through all its steps.
 */
function wallTime(
  steps: readonly Counted[],
  { pools, amountOf }: { pools: Pools; amountOf: (step: Counted) => readonly CountedAmount[] },
): number {
  const busyMs: Record<PoolName, number> = { cpu: 0, memory: 0, network: 0 };
  const chainMs: number[] = [];
  for (const counted of steps) {
    const { step } = counted;
    const amounts = amountOf(counted);
    const weights = targetWeights(step, pools);
    const durationMs = amounts.reduce((sum, amount) => sum + amount.durationMs, 0);
    for (const pool of POOLS) {
      // One that asks for more than there is runs alone.
      if (weights[pool] > 0) busyMs[pool] += durationMs * Math.min(1, weights[pool] / pools[pool]);
    }
    const before = step.needs.map((need) => chainMs[need.step] ?? 0);
    const longestMs = Math.max(...amounts.map((amount) => amount.longestMs));
    chainMs.push(Math.max(0, ...before) + longestMs);
  }
  return Math.max(...Object.values(busyMs), ...chainMs);
}

const POOLS: readonly PoolName[] = ['cpu', 'memory', 'network'];
