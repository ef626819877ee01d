// An estimate as people and programs read it: for `-n`, and for the question before a run that
// costs much once more.
import { explainBytes, explainCounted, explainDuration } from '../reporter/quantity.ts';
import { isCostly } from '../run/consent.ts';
import type { Amount, Estimate, StepEstimate } from '../run/estimate.ts';
import type { Transfer, Transfers } from '../run/transfers.ts';

/** Time, bytes and memory of one step, for a row of a table; '' where nothing would run. */
export function estimateCells({ would, may, peakBytes }: StepEstimate): readonly string[] {
  const all = together(would, may);
  if (all.targets === 0) return ['', '', ''];
  if (all.unknownTargets === all.targets && all.writtenBytes === 0) return ['unknown', '', ''];
  const some = all.unknownTargets > 0 ? ' + unknown' : '';
  const memory = peakBytes === 0 ? '' : explainBytes(peakBytes);
  return [`${explainDuration(all.durationMs)}${some}`, explainBytes(all.writtenBytes), memory];
}

export const ESTIMATE_HEAD = ['time', 'writes', 'memory'] as const;

/** What all of it takes, in lines; `cores` is the size of the pool that targets share. */
export function estimateLines(
  estimate: Estimate,
  { cores, freeBytes }: { readonly cores: number; readonly freeBytes: number | undefined },
): readonly string[] {
  const { transfers, diskBytes, freedBytes } = estimate;
  return [
    `time: ${timeOf(estimate)}, with ${explainCounted(cores, 'core')}`,
    ...transferLines(transfers),
    ...(diskBytes === 0 ? [] : [diskLine({ diskBytes, freedBytes, freeBytes })]),
  ];
}

/** By what such targets took here before, and how many were never seen. */
export function timeOf({ steps, wouldTakeMs, mayTakeMs, unknownTargets }: Estimate): string {
  const targets = countTargets(steps);
  if (unknownTargets === targets) return 'unknown, as nothing of the kind ran here before';
  const unknown =
    unknownTargets === 0
      ? ''
      : ` and the unknown time of ${explainCounted(unknownTargets, 'target')} of a kind that never ran here`;
  const most = explainDuration(mayTakeMs);
  if (wouldTakeMs === mayTakeMs) return `about ${most}${unknown}`;
  return `about ${explainDuration(wouldTakeMs)}, up to ${most} if all runs that may${unknown}`;
}

export function transferLines({ download, upload, again }: Transfers): readonly string[] {
  return [
    ...transferLine('download', { all: download, again: again.download }),
    ...transferLine('upload', { all: upload, again: again.upload }),
  ];
}

export function countTargets(steps: readonly StepEstimate[]): number {
  return steps.reduce((sum, { would, may }) => sum + would.targets + may.targets, 0);
}

/** One JSON object: the figures of `-n --json`. Bytes and milliseconds. */
export function estimateJson(estimate: Estimate, confirmAboveBytes: number): string {
  const { steps, transfers, ...totals } = estimate;
  const rows = steps.map(({ step, would, may, peakBytes }) => ({
    step: step.name,
    wouldRun: would.targets,
    mayRun: may.targets,
    unknownTargets: would.unknownTargets + may.unknownTargets,
    durationMs: Math.round(would.durationMs + may.durationMs),
    writtenBytes: Math.round(would.writtenBytes + may.writtenBytes),
    ...(peakBytes === 0 ? {} : { peakBytes }),
  }));
  const { download, upload, again } = transfers;
  return JSON.stringify({
    estimate: {
      wouldTakeMs: Math.round(totals.wouldTakeMs),
      mayTakeMs: Math.round(totals.mayTakeMs),
      unknownTargets: totals.unknownTargets,
      downloadBytes: Math.round(download.bytes),
      downloadAgainBytes: Math.round(again.download.bytes),
      uploadBytes: Math.round(upload.bytes),
      uploadAgainBytes: Math.round(again.upload.bytes),
      uploadUnknownTargets: upload.unknownTargets,
      diskBytes: Math.round(totals.diskBytes),
      freedBytes: Math.round(totals.freedBytes),
      needsConfirmation: isCostly(transfers, confirmAboveBytes),
      steps: rows,
    },
  });
}

function transferLine(
  what: 'download' | 'upload',
  { all, again }: { readonly all: Transfer; readonly again: Transfer },
): readonly string[] {
  if (all.targets === 0) return [];
  const most = what === 'upload' ? 'at most ' : '';
  const known = all.unknownTargets < all.targets || all.bytes > 0;
  const bytes = known ? `${most}${explainBytes(all.bytes)}` : 'unknown';
  const rest = known && all.unknownTargets > 0 ? ` and more of unknown size` : '';
  const repeated = again.targets === 0 ? '' : `, of it ${explainBytes(again.bytes)} again`;
  return [`${what}: ${bytes}${rest} for ${explainCounted(all.targets, 'target')}${repeated}`];
}

function diskLine({
  diskBytes,
  freedBytes,
  freeBytes,
}: Pick<Estimate, 'diskBytes' | 'freedBytes'> & { readonly freeBytes: number | undefined }) {
  const freed = freedBytes === 0 ? '' : `, of which ${explainBytes(freedBytes)} are freed again`;
  const free = freeBytes === undefined ? '' : ` (${explainBytes(freeBytes)} are free)`;
  return `disk: at most ${explainBytes(diskBytes)} more${freed}${free}`;
}

function together(a: Amount, b: Amount): Amount {
  return {
    targets: a.targets + b.targets,
    unknownTargets: a.unknownTargets + b.unknownTargets,
    durationMs: a.durationMs + b.durationMs,
    writtenBytes: a.writtenBytes + b.writtenBytes,
  };
}
