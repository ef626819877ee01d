// Whether a run may begin: what it would download or upload once more is worth a question when it
// is more than the pipeline's `confirm_above`. How somebody is asked is not known here.
import type { Assessment } from './assess.ts';
import type { RunContext } from './context.ts';
import { type Estimate, estimateContext, estimatePlan } from './estimate.ts';
import type { TargetFacts } from './facts.ts';
import { foretellTransfers, type Transfers } from './transfers.ts';

export interface RepeatedCosts {
  readonly assessment: Assessment;
  readonly estimate: Estimate;
  /** Aborted when the run is to end: then nobody waits for an answer. */
  readonly signal: AbortSignal;
}

export interface ConsentContext extends Pick<RunContext, 'graph' | 'store' | 'pools'> {
  readonly facts: TargetFacts;
  readonly confirm: (costs: RepeatedCosts) => Promise<boolean>;
  readonly signal: AbortSignal;
}

export async function isAllowed(
  assessment: Assessment,
  { graph, store, pools, facts, confirm, signal }: ConsentContext,
): Promise<boolean> {
  const parts = estimateContext({ graph, assessment, facts, store, pools });
  if (!isCostly(foretellTransfers(parts), graph.plan.config.confirmAboveBytes)) return true;
  return confirm({ assessment, estimate: estimatePlan(parts), signal });
}

/** Downloads and uploads count together: both go through the same line. */
export function isCostly({ again }: Transfers, confirmAboveBytes: number): boolean {
  return again.download.bytes + again.upload.bytes > confirmAboveBytes;
}
