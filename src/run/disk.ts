// What a run knows of the disk: which groups it will free and how much each will hold, from the
// sizes of its source files and from what earlier releases gave back.
import { DiskBudget, type DiskGroup, type DiskGroups } from '../disk-budget.ts';
import type { FileSystem } from '../file-system.ts';
import { forEachReleased, type Graph } from '../plan/graph.ts';
import { type MemberTable, type PlanStep, type TargetId, targetId } from '../plan/plan.ts';

import type { TargetState } from '../store/journal-state.ts';
import type { RunContext } from './context.ts';
import { filesOf } from './release.ts';

/**
 * Bytes that a group holds for each byte of its source, until a release has told: the source, a
 * table made of it, and that table split.
 */
const EXPECTED_FACTOR = 3;
/** Files that a file system must still be able to take; one that counts none gives 0 of 0. */
const KEEP_FREE_FILES = 10_000;

/** What is known of the targets once they are judged. */
export interface KnownTargets {
  /** 1 for targets that are up to date. */
  readonly fresh: Uint8Array;
  readonly stateOf: (id: TargetId) => TargetState | undefined;
}

/** Undefined when no step frees anything. */
export function diskBudget(
  { graph, selection, disk }: Pick<RunContext, 'graph' | 'selection' | 'disk'>,
  known: KnownTargets,
): DiskBudget | undefined {
  const groups = diskGroups(graph, { needed: selection.needed, ...known });
  return groups === undefined ? undefined : new DiskBudget(groups, disk);
}

/** Bytes that can be written below a folder; 0 when it can take no more files. */
export function freeBytes(fs: FileSystem, folder: string): number {
  const { bytes, files, totalFiles } = fs.space(folder);
  return totalFiles > 0 && files < KEEP_FREE_FILES ? 0 : bytes;
}

export function diskGroups(
  graph: Graph,
  { needed, fresh, stateOf }: KnownTargets & { readonly needed: Uint8Array },
): DiskGroups | undefined {
  const { plan } = graph;
  const releasing = plan.steps.filter(({ releases }) => releases.length > 0);
  if (releasing.length === 0) return undefined;
  const groupOf = new Int32Array(plan.targetCount).fill(-1);
  const freedBy = new Int32Array(plan.targetCount).fill(-1);
  const found: { -readonly [K in keyof DiskGroup]: DiskGroup[K] }[] = [];
  const firstOf = new Map<MemberTable, number>();
  let freedBytes = 0;
  let freedSources = 0;
  for (const step of releasing) {
    const first = firstOf.get(step.table) ?? found.length;
    if (!firstOf.has(step.table)) {
      firstOf.set(step.table, first);
      for (let member = 0; member < step.memberCount; member += 1) {
        const sourceBytes = sourceBytesOf(step, member);
        found.push({ ...EMPTY, name: step.table.names[member] || step.name, sourceBytes });
      }
    }
    forEachTarget(step, (id, member) => {
      const group = found[first + member];
      if (group === undefined) return;
      freedBy[id] = first + member;
      if (needed[id] === 1 && fresh[id] !== 1) group.releases += 1;
      freedBytes += stateOf(id)?.trace?.bytesFreed ?? 0;
      if (stateOf(id)?.trace?.bytesFreed !== undefined) freedSources += group.sourceBytes;
      forEachReleased(graph, id, (released) => {
        if (groupOf[released] !== -1) return;
        groupOf[released] = first + member;
        group.heldBytes += heldBytes(stateOf(released));
      });
    });
  }
  const factor = freedSources > 0 ? freedBytes / freedSources : EXPECTED_FACTOR;
  for (const group of found) {
    group.expectedBytes = Math.max(group.sourceBytes * factor, group.heldBytes);
  }
  return { groupOf, freedBy, groups: found };
}

const EMPTY: Omit<DiskGroup, 'name' | 'sourceBytes'> = {
  expectedBytes: 0,
  heldBytes: 0,
  releases: 0,
};

function forEachTarget(step: PlanStep, visit: (id: TargetId, member: number) => void) {
  for (let cell = 0; cell < step.cellCount; cell += 1) {
    for (let member = 0; member < step.memberCount; member += 1) {
      visit(targetId(step, cell, member), member);
    }
  }
}

function sourceBytesOf({ table }: PlanStep, member: number): number {
  let bytes = 0;
  for (const file of table.filesOf(member)) bytes += table.listing?.files[file]?.bytes ?? 0;
  return bytes;
}

function heldBytes(state: TargetState | undefined): number {
  if (state?.trace === undefined || state.released !== undefined) return 0;
  return filesOf(state.trace).bytes;
}
