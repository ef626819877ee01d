// Which of the targets that may start comes next. Depth first: the first group wins, inside it the
// latest step, so that few groups are in work at a time and the disk holds only these. Targets of
// a group that is not on the disk yet are parked until the disk budget lets the group in, which it
// is asked only when nothing else could start: so later groups are fetched while others compute.
// A target that needs more memory than is free is passed over by smaller ones, but not for ever.
import type { DiskBudget, Shortage } from './disk-budget.ts';
import type { Fit } from './free-pools.ts';
import { MemberQueue } from './member-queue.ts';
import { type Plan, type PlanStep, stepOfTarget, type TargetId } from './plan/plan.ts';

export interface StartQueueOptions {
  readonly plan: Plan;
  readonly disk: DiskBudget | undefined;
  /** What at most one running target of the step's cell may have, such as a dataset to write. */
  readonly exclusive: (step: PlanStep, cell: number) => string | undefined;
  /** Whether the pools have what the target takes. */
  readonly fit: (id: TargetId) => Fit;
}

/** So many may start before the first target that waits for memory; then all wait for it. */
const MAX_PASSES = 16;

/** Targets that share what they take: those of a step, or of one cell of it. */
interface Lane {
  readonly step: PlanStep;
  readonly exclusive: string | undefined;
  /** May start. */
  readonly queue: MemberQueue;
  /** Wait for their group to be let in. */
  readonly parked: MemberQueue;
}

export class StartQueue {
  readonly #options: StartQueueOptions;
  readonly #lanes: readonly Lane[];
  /** Lanes of each step: one, or one for each cell. */
  readonly #lanesOf: readonly (readonly Lane[])[];
  readonly #taken = new Set<string>();
  /** The first target that waits for nothing but memory, and how many have started before it. */
  #passed: { readonly id: TargetId; count: number } | undefined;

  constructor(options: StartQueueOptions) {
    this.#options = options;
    this.#lanesOf = options.plan.steps.map((step) => lanesOf(step, options));
    this.#lanes = this.#lanesOf.flat();
  }

  get isEmpty(): boolean {
    return this.#lanes.every(({ queue, parked }) => queue.size === 0 && parked.size === 0);
  }

  push(id: TargetId): void {
    const { queue, parked } = this.#laneOf(id);
    if (this.#options.disk?.isShut(id) === true) parked.push(id);
    else queue.push(id);
  }

  /** Takes the target that starts now; undefined when none can. */
  pop(): TargetId | undefined {
    for (;;) {
      const id = this.#popOpen();
      if (id !== undefined) return id;
      if (this.#isHeldBack || !this.#letIn()) return undefined;
    }
  }

  /** A target that `pop` gave has ended. */
  ended(id: TargetId): void {
    const { exclusive } = this.#laneOf(id);
    if (exclusive !== undefined) this.#taken.delete(exclusive);
  }

  /** What keeps the queued targets from starting when nothing runs. */
  get shortage(): Shortage | undefined {
    const { disk } = this.#options;
    if (disk === undefined || this.isEmpty) return undefined;
    const next = this.#firstParked();
    const shortage = next === undefined ? undefined : disk.shortageFor(disk.groupOf(next));
    if (shortage !== undefined || disk.hasSpace) return shortage;
    return { kind: 'space', group: undefined, neededBytes: 0 };
  }

  #popOpen(): TargetId | undefined {
    let best: Lane | undefined;
    let passed: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.queue.size === 0 || this.#lacksSpace(lane.queue)) continue;
      const fit = this.#fit(lane, lane.queue);
      if (fit === 'fits' && isNotAfter(lane, best)) best = lane;
      if (fit === 'waits for memory' && isNotAfter(lane, passed)) passed = lane;
    }
    if (passed !== undefined && !isNotAfter(passed, best)) passed = undefined;
    this.#pass(passed?.queue.first);
    if (best === undefined || this.#isHeldBack) return undefined;
    if (this.#passed !== undefined) this.#passed.count += 1;
    if (best.exclusive !== undefined) this.#taken.add(best.exclusive);
    return best.queue.pop();
  }

  get #isHeldBack(): boolean {
    return this.#passed !== undefined && this.#passed.count >= MAX_PASSES;
  }

  #pass(id: TargetId | undefined) {
    if (id === this.#passed?.id) return;
    this.#passed = id === undefined ? undefined : { id, count: 0 };
  }

  /** Lets the next group in, if any of it could start; says whether there was one. */
  #letIn(): boolean {
    const { disk } = this.#options;
    const first = this.#firstParked();
    if (disk === undefined || first === undefined || !disk.hasSpace) return false;
    const group = disk.groupOf(first);
    const isOfGroup = (id: TargetId) => disk.groupOf(id) === group;
    const couldStart = this.#lanes.some(
      ({ parked, ...lane }) =>
        parked.first !== undefined && isOfGroup(parked.first) && this.#fit(lane, parked) === 'fits',
    );
    if (!couldStart || !disk.open(group)) return false;
    for (const { parked, queue } of this.#lanes) {
      for (const id of parked.takeAll(isOfGroup)) queue.push(id);
    }
    return true;
  }

  #firstParked(): TargetId | undefined {
    let best: MemberQueue | undefined;
    for (const { parked } of this.#lanes) {
      if (parked.size === 0) continue;
      if (best === undefined || parked.firstRank < best.firstRank) best = parked;
    }
    return best?.first;
  }

  /** Below the space that is kept free only what frees some, or holds none, goes on. */
  #lacksSpace({ first }: MemberQueue): boolean {
    const { disk } = this.#options;
    if (disk === undefined || first === undefined || disk.hasSpace) return false;
    return disk.groupOf(first) >= 0;
  }

  #fit({ exclusive }: Pick<Lane, 'exclusive'>, { first }: MemberQueue): Fit {
    if (first === undefined) return 'waits';
    if (exclusive !== undefined && this.#taken.has(exclusive)) return 'waits';
    return this.#options.fit(first);
  }

  #laneOf(id: TargetId): Lane {
    const step = stepOfTarget(this.#options.plan, id);
    const lanes = this.#lanesOf[step.index] ?? [];
    const cell = Math.floor((id - step.base) / step.memberCount);
    const lane = lanes[lanes.length > 1 ? cell : 0];
    if (lane === undefined) throw new RangeError(`no target ${id}`);
    return lane;
  }
}

/** Later steps stand later in the list: inside a group they win. */
function isNotAfter({ queue }: Lane, other: Lane | undefined): boolean {
  return other === undefined || queue.firstRank <= other.queue.firstRank;
}

function lanesOf(step: PlanStep, { exclusive }: StartQueueOptions): readonly Lane[] {
  const keys = Array.from({ length: step.cellCount }, (_, cell) => exclusive(step, cell));
  const lane = (key: string | undefined): Lane => ({
    step,
    exclusive: key,
    queue: new MemberQueue(step),
    parked: new MemberQueue(step),
  });
  return keys.every((key) => key === undefined) ? [lane(undefined)] : keys.map(lane);
}
