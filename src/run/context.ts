// What one run is given: the plan and everything of the outside it may touch, as ports.
import type { HubConfig, PoolName } from '../config/config.ts';
import type { DiskLimits } from '../disk-budget.ts';
import type { Event } from '../event.ts';
import type { Executor, HubAddress, WorkListener } from '../executor/executor.ts';
import type { Clock, FileSystem } from '../file-system.ts';
import type { Graph } from '../plan/graph.ts';
import type { Selection } from '../plan/selection.ts';
import type { SharedSync } from '../shared-sync.ts';
import type { Store } from '../store/store.ts';
import type { RepeatedCosts } from './consent.ts';
import type { Remarks } from './remarks.ts';

export interface RunContext {
  readonly graph: Graph;
  readonly selection: Selection;
  readonly store: Store;
  /** The one that the store uses too. */
  readonly sharedSync: SharedSync;
  /** Sees the journals that are judged before anything runs. */
  readonly remarks: Remarks;
  readonly fs: FileSystem;
  readonly clock: Clock;
  /** Started on first use: a run with nothing to do starts none. */
  readonly executor: () => Promise<Executor>;
  readonly report: (event: EventBody) => void;
  /** A path relative to the work folder, as the user would write it. */
  readonly showPath: (path: string) => string;
  /** Told of every process group that a target begins or ends. */
  readonly onGroup: WorkListener['group'];
  /** From 0 to 1, for the jitter of waits. */
  readonly random: () => number;
  readonly run: string;
  readonly pools: Readonly<Record<PoolName, number>>;
  readonly disk: DiskLimits;
  /** Uncompressed bytes of a Parquet file's largest row group; undefined of any other file. */
  readonly largestRowGroup: (path: string) => number | undefined;
  /** The Hub of a step with its token, connected on first use. */
  readonly connectHub: (hub: HubConfig) => Promise<HubAddress>;
  /** A Hub's stable identity, without connecting. */
  readonly hubId: (hub: HubConfig) => string;
  /** Versions that a trace shows, and `rebuild_on: [engine]` compares. */
  readonly engine: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  /** Asked before anything is begun that costs a lot once more; undefined allows everything. */
  readonly confirm?: (costs: RepeatedCosts) => Promise<boolean>;
}

export interface RunOptions {
  /** Redo the targets that were named. */
  readonly force: boolean;
  readonly failFast: boolean;
  readonly verify: boolean;
}

/** An event before its time is added. */
export type EventBody = DistributiveOmit<Event, 'at'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
