// Decides what may be looked at and what may start, and in which order. It knows dependencies,
// pools and priorities; it knows neither what fresh means nor how a target is made.
//
//   waiting --all dependencies settled--> ready --check()--> checking --fresh----------> settled
//      |                                                        |--stale--> queued --pools--> running
//      |                                                        |              ^                |
//      |                                                        |              '--- retry ------|
//      '--a dependency failed--> blocked                        '--failed                        |
//                                                                        done|failed|interrupted-'
//
// Which of the queued targets comes first is `start-queue.ts`'s.

import type { DiskBudget, Shortage } from './disk-budget.ts';
import { FreePools, type MemoryNeed, type Pools, type Weights } from './free-pools.ts';
import { forEachDependency, forEachDependent, type Graph, type NodeId } from './plan/graph.ts';
import { type PlanStep, stepOfTarget, type TargetId } from './plan/plan.ts';
import { StartQueue } from './start-queue.ts';

/** Index into `STATES`, one byte a target. */
export type TargetState =
  | 'outside'
  | 'waiting'
  | 'ready'
  | 'checking'
  | 'queued'
  | 'running'
  | 'retrying'
  | 'fresh'
  | 'done'
  | 'failed'
  | 'blocked'
  | 'interrupted';

const STATES: readonly TargetState[] = [
  'outside',
  'waiting',
  'ready',
  'checking',
  'queued',
  'running',
  'retrying',
  'fresh',
  'done',
  'failed',
  'blocked',
  'interrupted',
];

export interface SchedulerOptions {
  readonly graph: Graph;
  /** 1 for targets that take part; others count as settled. */
  readonly selected: Uint8Array;
  /** 1 for targets already known to be fresh. */
  readonly fresh: Uint8Array;
  readonly pools: Pools;
  /** What a target of the step takes; more than a pool has is cut down to all of it. */
  readonly weights: (step: PlanStep) => Weights;
  /** Asked of a target that could start, until it does. */
  readonly memory: (id: TargetId) => MemoryNeed;
  /** Which groups may lie on the disk; undefined when nothing is ever freed. */
  readonly disk?: DiskBudget | undefined;
  /** What at most one running target of the step's cell may have, such as a dataset to write. */
  readonly exclusive?: (step: PlanStep, cell: number) => string | undefined;
  /** Start nothing more after the first failure. */
  readonly failFast: boolean;
}

export interface Start {
  readonly id: TargetId;
  /** What it has of the memory pool. */
  readonly memoryBytes: number;
}

export interface Scheduler {
  /** Targets whose dependencies are settled and whose verdict is wanted; each is given once. */
  nextReady(): TargetId | undefined;
  /** A queued target that fits into the pools now; it counts as running from here on. */
  nextStart(): Start | undefined;
  /** `bytesWritten` is what a target that is done has put on the disk. */
  settle(
    id: TargetId,
    state: 'fresh' | 'done' | 'failed' | 'interrupted',
    figures?: { readonly bytesWritten?: number },
  ): void;
  queue(id: TargetId): void;
  /**
   * The work of a running target is over and only its publication is left: what it took of the
   * pools is free. It still counts as running.
   */
  free(id: TargetId): void;
  /** A running target goes back, to be queued again by `queue` after its wait. */
  retry(id: TargetId): void;
  /** Start nothing more; what runs may end. */
  drain(): void;
  readonly running: number;
  /** Nothing runs, waits for a retry, or could still start. */
  readonly ended: boolean;
  /** Why nothing starts although nothing runs and targets are queued. */
  readonly shortage: Shortage | undefined;
  stateOf(id: TargetId): TargetState;
  /** How many targets of a step are in each state. */
  counts(step: PlanStep): Readonly<Record<TargetState, number>>;
  /** The failed target that keeps a blocked one from running. */
  causeOf(id: TargetId): TargetId | undefined;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new TableScheduler(options);
}

/** At the start: not settled yet. */
function isOpen(state: TargetState): boolean {
  return state === 'waiting' || state === 'ready';
}

/** Bounds what waits for the disk while ever more targets run: a slow disk slows them down then. */
const MAX_PUBLISHING = 512;

class TableScheduler implements Scheduler {
  readonly #graph: Graph;
  readonly #states: Uint8Array;
  /** Unsettled dependencies of every node, barriers included. */
  readonly #waitsFor: Int32Array;
  readonly #counts: Uint32Array[];
  readonly #ready: TargetId[] = [];
  readonly #queue: StartQueue;
  readonly #disk: DiskBudget | undefined;
  readonly #pools: FreePools;
  readonly #memory: SchedulerOptions['memory'];
  readonly #causes = new Map<TargetId, TargetId>();
  readonly #failFast: boolean;
  /** Running targets of which only the publication is left. */
  readonly #publishing = new Set<TargetId>();
  #running = 0;
  #retrying = 0;
  #checking = 0;
  #draining = false;

  constructor(options: SchedulerOptions) {
    const { graph, selected, fresh, pools, weights, failFast } = options;
    const { plan } = graph;
    this.#graph = graph;
    this.#failFast = failFast;
    this.#states = new Uint8Array(plan.targetCount);
    this.#waitsFor = new Int32Array(graph.nodeCount);
    this.#counts = plan.steps.map(() => new Uint32Array(STATES.length));
    this.#disk = options.disk;
    this.#queue = new StartQueue({
      plan,
      disk: options.disk,
      exclusive: options.exclusive ?? (() => undefined),
      fit: (id) => this.#pools.fit(stepOfTarget(plan, id), () => this.#memory(id)),
    });
    this.#memory = options.memory;
    this.#pools = new FreePools(pools, plan.steps.map(weights));
    for (let id = 0; id < plan.targetCount; id += 1) {
      const state = selected[id] !== 1 ? 'outside' : fresh[id] === 1 ? 'fresh' : 'waiting';
      this.#states[id] = STATES.indexOf(state);
      this.#countsOf(id)[STATES.indexOf(state)] =
        (this.#countsOf(id)[STATES.indexOf(state)] ?? 0) + 1;
    }
    this.#countDependencies();
  }

  get running(): number {
    return this.#running;
  }

  get ended(): boolean {
    if (this.#running > 0 || this.#retrying > 0) return false;
    if (this.#draining) return true;
    return this.#ready.length === 0 && this.#queue.isEmpty;
  }

  get shortage(): Shortage | undefined {
    if (this.#running > 0 || this.#retrying > 0 || this.#draining) return undefined;
    return this.#queue.shortage;
  }

  nextReady(): TargetId | undefined {
    if (this.#draining) return undefined;
    const id = this.#ready.pop();
    if (id !== undefined) {
      this.#checking += 1;
      this.#move(id, 'checking');
    }
    return id;
  }

  nextStart(): Start | undefined {
    if (this.#draining || this.#publishing.size >= MAX_PUBLISHING) return undefined;
    const id = this.#queue.pop() ?? this.#popAfterFailures();
    if (id === undefined) return undefined;
    const step = stepOfTarget(this.#graph.plan, id);
    const memoryBytes = this.#pools.take(id, { step, need: this.#memory(id) });
    this.#running += 1;
    this.#move(id, 'running');
    return { id, memoryBytes };
  }

  /** What waits on a failure keeps no room for what it would still have written. */
  #popAfterFailures(): TargetId | undefined {
    const isStuck = this.#running === 0 && this.#retrying === 0 && this.#checking === 0;
    if (!isStuck || this.#queue.isEmpty || this.#disk?.giveUpReserves() !== true) return undefined;
    return this.#queue.pop();
  }

  queue(id: TargetId): void {
    if (this.stateOf(id) === 'retrying') this.#retrying -= 1;
    else this.#checking -= 1;
    this.#move(id, 'queued');
    this.#queue.push(id);
  }

  free(id: TargetId): void {
    if (this.stateOf(id) !== 'running' || this.#publishing.has(id)) return;
    this.#publishing.add(id);
    this.#pools.giveBack(id, stepOfTarget(this.#graph.plan, id));
  }

  retry(id: TargetId): void {
    this.#release(id);
    this.#retrying += 1;
    this.#move(id, 'retrying');
  }

  settle(
    id: TargetId,
    state: 'fresh' | 'done' | 'failed' | 'interrupted',
    { bytesWritten = 0 }: { readonly bytesWritten?: number } = {},
  ): void {
    const before = this.stateOf(id);
    if (before === 'running') this.#release(id);
    if (before === 'retrying') this.#retrying -= 1;
    if (before === 'checking') this.#checking -= 1;
    this.#move(id, state);
    if (state === 'fresh' || state === 'done') {
      this.#disk?.done(id, bytesWritten);
      this.#letGo(id);
    }
    if (state === 'failed') {
      this.#block(id);
      if (this.#failFast) this.#draining = true;
    }
  }

  drain(): void {
    this.#draining = true;
  }

  stateOf(id: TargetId): TargetState {
    return STATES[this.#states[id] ?? 0] ?? 'outside';
  }

  counts(step: PlanStep): Readonly<Record<TargetState, number>> {
    const counts = this.#counts[step.index];
    const entries = STATES.map((state, index) => [state, counts?.[index] ?? 0] as const);
    return Object.fromEntries(entries) as Record<TargetState, number>;
  }

  causeOf(id: TargetId): TargetId | undefined {
    return this.#causes.get(id);
  }

  #countDependencies() {
    const { plan, nodeCount } = this.#graph;
    // Barriers first: a barrier with nothing left to wait for must not hold its consumers.
    const barriersOpen = new Uint8Array(nodeCount - plan.targetCount);
    for (let node = plan.targetCount; node < nodeCount; node += 1) {
      const open = this.#countUnsettled(node, barriersOpen);
      this.#waitsFor[node] = open;
      barriersOpen[node - plan.targetCount] = open === 0 ? 0 : 1;
    }
    for (let id = 0; id < plan.targetCount; id += 1) {
      if (this.stateOf(id) !== 'waiting') continue;
      const open = this.#countUnsettled(id, barriersOpen);
      this.#waitsFor[id] = open;
      if (open === 0) this.#makeReady(id);
    }
  }

  #countUnsettled(node: NodeId, barriersOpen: Uint8Array): number {
    const first = this.#graph.plan.targetCount;
    let open = 0;
    forEachDependency(this.#graph, node, (dependency) => {
      if (dependency >= first) open += barriersOpen[dependency - first] ?? 0;
      else if (isOpen(this.stateOf(dependency))) open += 1;
    });
    return open;
  }

  #letGo(node: NodeId) {
    forEachDependent(this.#graph, node, (dependent) => {
      const left = (this.#waitsFor[dependent] ?? 0) - 1;
      this.#waitsFor[dependent] = left;
      if (left !== 0) return;
      if (dependent >= this.#graph.plan.targetCount) this.#letGo(dependent);
      else if (this.stateOf(dependent) === 'waiting') this.#makeReady(dependent);
    });
  }

  #makeReady(id: TargetId) {
    this.#move(id, 'ready');
    this.#ready.push(id);
  }

  #block(failed: TargetId) {
    const open: NodeId[] = [failed];
    const seen = new Set<NodeId>(open);
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      forEachDependent(this.#graph, node, (dependent) => {
        if (seen.has(dependent)) return;
        seen.add(dependent);
        if (dependent < this.#graph.plan.targetCount) {
          // One that is settled already needs nothing of the failed target.
          if (this.stateOf(dependent) !== 'waiting') return;
          this.#move(dependent, 'blocked');
          this.#causes.set(dependent, failed);
        }
        open.push(dependent);
      });
    }
  }

  #release(id: TargetId) {
    this.#running -= 1;
    this.#queue.ended(id);
    if (!this.#publishing.delete(id)) this.#pools.giveBack(id, stepOfTarget(this.#graph.plan, id));
  }

  #move(id: TargetId, to: TargetState) {
    const counts = this.#countsOf(id);
    const from = this.#states[id] ?? 0;
    const index = STATES.indexOf(to);
    counts[from] = (counts[from] ?? 0) - 1;
    counts[index] = (counts[index] ?? 0) + 1;
    this.#states[id] = index;
  }

  #countsOf(id: TargetId): Uint32Array {
    const counts = this.#counts[stepOfTarget(this.#graph.plan, id).index];
    if (counts === undefined) throw new RangeError(`no target ${id}`);
    return counts;
  }
}
