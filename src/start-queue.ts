// Which of the targets that may start comes next. Depth first: the first group wins, inside it the
// latest step, so that few groups are in work at a time and the disk holds only these. Targets of
// a group that is not on the disk yet are parked until the disk budget lets the group in, which it
// is asked only when nothing else could start: so later groups are fetched while others compute.
import type { DiskBudget, Shortage } from './disk-budget.ts';
import { MemberQueue } from './member-queue.ts';
import { type Plan, type PlanStep, stepOfTarget, type TargetId } from './plan/plan.ts';

export interface StartQueueOptions {
  readonly plan: Plan;
  readonly disk: DiskBudget | undefined;
  /** What at most one running target of the step's cell may have, such as a dataset to write. */
  readonly exclusive: (step: PlanStep, cell: number) => string | undefined;
  /** Whether the pools have what a target of the step takes. */
  readonly fits: (step: PlanStep) => boolean;
}

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
      if (!this.#letIn()) return undefined;
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
    for (const lane of this.#lanes) {
      if (lane.queue.size === 0 || !this.#fits(lane)) continue;
      if (this.#lacksSpace(lane.queue)) continue;
      // Later steps stand later in the list, so "not after" lets them win inside a group.
      if (best === undefined || lane.queue.firstRank <= best.queue.firstRank) best = lane;
    }
    if (best?.exclusive !== undefined) this.#taken.add(best.exclusive);
    return best?.queue.pop();
  }

  /** Lets the next group in, if any of it could start; says whether there was one. */
  #letIn(): boolean {
    const { disk } = this.#options;
    const first = this.#firstParked();
    if (disk === undefined || first === undefined || !disk.hasSpace) return false;
    const group = disk.groupOf(first);
    const isOfGroup = (id: TargetId) => disk.groupOf(id) === group;
    const couldStart = this.#lanes.some(
      (lane) => lane.parked.first !== undefined && isOfGroup(lane.parked.first) && this.#fits(lane),
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

  #fits({ step, exclusive }: Lane): boolean {
    if (exclusive !== undefined && this.#taken.has(exclusive)) return false;
    return this.#options.fits(step);
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
