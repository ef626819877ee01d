// Adds up what the published datasets have now, from the traces of the targets that published.
import type { DatasetSummary } from '../event.ts';
import type { Plan, TargetId } from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';

export function summarizeDatasets(
  plan: Plan,
  { needed, stateOf }: { needed: Uint8Array; stateOf: (id: TargetId) => TargetState | undefined },
): readonly DatasetSummary[] {
  const datasets = new Map<string, DatasetSummary>();
  for (const step of plan.steps) {
    if (step.config.publish === undefined) continue;
    for (let id = step.base; id < step.base + step.cellCount * step.memberCount; id += 1) {
      if (needed[id] !== 1) continue;
      const published = stateOf(id)?.trace?.published;
      if (published === undefined) continue;
      const { dataset, files, bytes, rows } = published;
      const sum = datasets.get(dataset);
      datasets.set(dataset, {
        dataset,
        published: (sum?.published ?? 0) + 1,
        targets: step.memberCount,
        files: (sum?.files ?? 0) + files,
        bytes: (sum?.bytes ?? 0) + bytes,
        rows: (sum?.rows ?? 0) + rows,
      });
    }
  }
  return [...datasets.values()].sort((a, b) => (a.dataset < b.dataset ? -1 : 1));
}
