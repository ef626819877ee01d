// The scheduler of a run: what its targets take from the pools, the disk and the datasets.
import { createScheduler, type Scheduler } from '../scheduler.ts';
import type { RunContext } from './context.ts';
import type { DiskWatch } from './disk-watch.ts';
import { exclusiveDataset } from './exclusive.ts';
import type { MemoryNeeds } from './memory-needs.ts';
import { targetWeights } from './weights.ts';

export function openScheduler(
  { graph, selection, pools, options }: RunContext,
  {
    fresh,
    needs,
    watch,
  }: { readonly fresh: Uint8Array; readonly needs: MemoryNeeds; readonly watch?: DiskWatch },
): Scheduler {
  return createScheduler({
    graph,
    selected: selection.needed,
    fresh,
    pools,
    weights: (step) => targetWeights(step, pools),
    memory: (id) => needs.of(id),
    exclusive: exclusiveDataset,
    disk: watch?.budget,
    failFast: options.failFast,
  });
}
