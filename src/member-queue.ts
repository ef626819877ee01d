// The queue of one step's targets that may start: a binary heap of ids, first members first.
import type { PlanStep, TargetId } from './plan/plan.ts';

/** The queued targets of one step, first group and member first: a binary heap of ids. */
export class MemberQueue {
  readonly step: PlanStep;
  readonly #heap: TargetId[] = [];

  constructor(step: PlanStep) {
    this.step = step;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** The target that comes next. */
  get first(): TargetId | undefined {
    return this.#heap[0];
  }

  /** Rank of the member that comes next. */
  get firstRank(): number {
    const { first } = this;
    return first === undefined ? Number.POSITIVE_INFINITY : this.#rank(first);
  }

  /** Takes out all that are meant; the rest stays. */
  takeAll(isMeant: (id: TargetId) => boolean): readonly TargetId[] {
    const all = this.#heap.splice(0);
    for (const id of all) if (!isMeant(id)) this.push(id);
    return all.filter(isMeant);
  }

  push(id: TargetId): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(id);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !this.#before(id, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = id;
  }

  pop(): TargetId | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const useRight = right !== undefined && this.#before(right, left);
      const child = useRight ? right : left;
      if (!this.#before(child, last)) break;
      heap[at] = child;
      at = 2 * at + (useRight ? 2 : 1);
    }
    heap[at] = last;
    return first;
  }

  #before(a: TargetId, b: TargetId): boolean {
    const difference = this.#rank(a) - this.#rank(b);
    return difference === 0 ? a < b : difference < 0;
  }

  /** Members are ranked by the place of their (first) file; the cells of a member stay together. */
  #rank(id: TargetId): number {
    const member = (id - this.step.base) % this.step.memberCount;
    return this.step.table.rank[member] ?? 0;
  }
}
