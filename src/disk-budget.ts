// Which groups may lie on the disk. A group is everything that one releasing target frees; it is
// charged with what it will hold at most, from the moment its first file may be written until it
// is released. Groups are let in while their charges fit; what is free on the disk, it is told.
//
//   shut --a target of it is next, and it fits--> open --its releasing targets are settled--> shut
//
// Files that nothing will free belong to no group: they start at any time.
import type { TargetId } from './plan/plan.ts';

export interface DiskGroups {
  /** The group of each target whose files will be freed; -1 for other targets. */
  readonly groupOf: Int32Array;
  /** The group that each releasing target frees; -1 for other targets. */
  readonly freedBy: Int32Array;
  readonly groups: readonly DiskGroup[];
}

export interface DiskGroup {
  readonly name: string;
  /** Bytes of its source files: what it holds at least, once it is begun. */
  readonly sourceBytes: number;
  /** Bytes that it is expected to hold at most. */
  readonly expectedBytes: number;
  /** Bytes that it holds now. A group that holds anything is open from the start. */
  readonly heldBytes: number;
  /** Releasing targets that are to run before it counts as freed. */
  readonly releases: number;
}

export interface DiskLimits {
  /** What all open groups may hold together; infinite without a limit. */
  readonly budgetBytes: number;
  /** Space that is left free whatever happens. */
  readonly keepFreeBytes: number;
}

/** Why nothing more is let in. */
export type Shortage =
  /** Open groups hold the budget. */
  | { readonly kind: 'budget'; readonly heldBy: readonly string[] }
  /** The disk itself is too full for the group, or for anything when `group` is undefined. */
  | { readonly kind: 'space'; readonly group: string | undefined; readonly neededBytes: number };

export class DiskBudget {
  readonly #disk: DiskGroups;
  readonly #limits: DiskLimits;
  readonly #open: Uint8Array;
  readonly #expected: Float64Array;
  readonly #held: Float64Array;
  readonly #releases: Int32Array;
  /** Sums over the open groups: what they are charged with, and what of it is not written yet. */
  #charged = 0;
  #missing = 0;
  #openCount = 0;
  #freeBytes = Number.POSITIVE_INFINITY;

  constructor(disk: DiskGroups, limits: DiskLimits) {
    this.#disk = disk;
    this.#limits = limits;
    this.#open = new Uint8Array(disk.groups.length);
    this.#expected = Float64Array.from(disk.groups, ({ expectedBytes }) => expectedBytes);
    this.#held = Float64Array.from(disk.groups, ({ heldBytes }) => heldBytes);
    this.#releases = Int32Array.from(disk.groups, ({ releases }) => releases);
    for (const [group, { heldBytes }] of disk.groups.entries()) if (heldBytes > 0) this.#let(group);
  }

  /** Tells how much of the disk is free now. */
  observe(freeBytes: number): void {
    this.#freeBytes = freeBytes;
  }

  groupOf(id: TargetId): number {
    return this.#disk.groupOf[id] ?? -1;
  }

  /** Whether the target must wait for its group to be let in. */
  isShut(id: TargetId): boolean {
    const group = this.groupOf(id);
    return group >= 0 && this.#open[group] !== 1;
  }

  /** Whether files of open groups may be written now. */
  get hasSpace(): boolean {
    return this.#freeBytes >= this.#limits.keepFreeBytes;
  }

  /** Lets a group in if it fits; says whether it did. */
  open(group: number): boolean {
    if (this.#lacks(group) !== undefined) return false;
    this.#let(group);
    return true;
  }

  /** Why a group cannot be let in now; undefined when it can. */
  shortageFor(group: number): Shortage | undefined {
    const kind = this.#lacks(group);
    if (kind === 'space') return { kind, group: this.#group(group).name, ...this.#needs(group) };
    if (kind === 'budget') {
      const heldBy = this.#disk.groups.filter((_, other) => this.#open[other] === 1);
      return { kind, heldBy: heldBy.map(({ name }) => name) };
    }
    return undefined;
  }

  /** A target is done: what it wrote is held, what it freed is free. */
  done(id: TargetId, bytesWritten: number): void {
    const group = this.groupOf(id);
    if (group >= 0) {
      this.#count(group, -1);
      this.#held[group] = (this.#held[group] ?? 0) + bytesWritten;
      this.#count(group, 1);
    }
    const freed = this.#disk.freedBy[id] ?? -1;
    if (freed < 0) return;
    const left = (this.#releases[freed] ?? 0) - 1;
    this.#releases[freed] = left;
    if (left > 0) return;
    this.#count(freed, -1);
    this.#open[freed] = 0;
    this.#held[freed] = 0;
  }

  /**
   * Nothing of the open groups can go on, because something failed: they are charged only with
   * what they hold. Says whether that made room.
   */
  giveUpReserves(): boolean {
    const before = this.#charged;
    for (const group of this.#disk.groups.keys()) {
      if (this.#open[group] !== 1) continue;
      this.#count(group, -1);
      const held = this.#held[group] ?? 0;
      this.#expected[group] = held > 0 ? held : this.#group(group).expectedBytes;
      if (held > 0) this.#count(group, 1);
      else this.#open[group] = 0;
    }
    return this.#charged < before;
  }

  #lacks(group: number): Shortage['kind'] | undefined {
    const expectedBytes = this.#expected[group] ?? 0;
    const { budgetBytes, keepFreeBytes } = this.#limits;
    if (this.#openCount > 0 && this.#charged + expectedBytes > budgetBytes) return 'budget';
    const spare = this.#freeBytes - keepFreeBytes - this.#missing;
    return spare < this.#needs(group).neededBytes ? 'space' : undefined;
  }

  /** What is expected is a guess: alone, a group gets its chance if its source fits. */
  #needs(group: number): { readonly neededBytes: number } {
    const { sourceBytes } = this.#group(group);
    return { neededBytes: this.#openCount > 0 ? (this.#expected[group] ?? 0) : sourceBytes };
  }

  #let(group: number) {
    this.#open[group] = 1;
    this.#count(group, 1);
  }

  #count(group: number, times: 1 | -1) {
    if (this.#open[group] !== 1) return;
    const expectedBytes = this.#expected[group] ?? 0;
    const held = this.#held[group] ?? 0;
    this.#charged += times * Math.max(held, expectedBytes);
    this.#missing += times * Math.max(0, expectedBytes - held);
    this.#openCount += times;
  }

  #group(group: number): DiskGroup {
    const found = this.#disk.groups[group];
    if (found === undefined) throw new RangeError(`no group ${group}`);
    return found;
  }
}
