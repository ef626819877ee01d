import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DiskBudget } from '../src/disk-budget.ts';
import type { Graph } from '../src/plan/graph.ts';
import { locateTarget, targetName } from '../src/plan/plan.ts';
import { diskGroups, freeBytes } from '../src/run/disk.ts';
import { createScheduler, type Scheduler } from '../src/scheduler.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';
import { sketchGraph } from './plan-fixture.ts';

/** Every file has 10 bytes, and each group is expected to hold three times its source. */
const FILE_BYTES = 10;
const FACTOR = 3;

function pipeline(chunks: readonly number[]): Graph {
  return sketchGraph(
    [
      { name: 'pull', each: 'file' },
      { name: 'split', each: 'file', needs: ['pull'], tables: ['a', 'b'] },
      { name: 'push', each: 'chunk', needs: ['split'], tables: ['a', 'b'] },
      { name: 'clean', each: 'chunk', needs: ['push'], releases: ['pull', 'split'] },
    ],
    { main: chunks },
  );
}

interface Trial {
  readonly graph: Graph;
  readonly budgetBytes: number;
  readonly selected?: Uint8Array;
  readonly exclusive?: boolean;
}

function start({ graph, budgetBytes, selected, exclusive }: Trial) {
  const needed = selected ?? new Uint8Array(graph.plan.targetCount).fill(1);
  const fresh = new Uint8Array(graph.plan.targetCount);
  const groups = diskGroups(graph, { needed, fresh, stateOf: () => undefined });
  if (groups === undefined) throw new Error('nothing is released');
  const disk = new DiskBudget(groups, { budgetBytes, keepFreeBytes: 100 });
  const scheduler = createScheduler({
    graph,
    selected: needed,
    fresh,
    pools: { cpu: 2, memory: 10, network: 3 },
    // Only `pull` takes the network, so that later groups are fetched while others compute.
    weights: (step) => (step.name === 'pull' ? { network: 1 } : { cpu: 1 }),
    memory: () => ({ leastBytes: 0, ampleBytes: 0 }),
    disk,
    ...(exclusive === true
      ? { exclusive: (step, cell) => (step.name === 'push' ? `dataset ${cell}` : undefined) }
      : {}),
    failFast: false,
  });
  return { disk, scheduler, groups };
}

/** Runs until nothing goes on; gives the names of groups that were on the disk, at every start. */
function drive(
  { graph, scheduler }: { graph: Graph; scheduler: Scheduler },
  { fails, pick }: { fails: (id: number) => boolean; pick: () => number },
) {
  const running: number[] = [];
  const cleaned = new Set<string>();
  const onDisk = new Set<string>();
  const seen: (readonly string[])[] = [];
  const pushing: (readonly string[])[] = [];
  const chunkOf = (id: number) => {
    const { step, member } = locateTarget(graph.plan, id);
    const file = step.table.filesOf(member)[0] ?? 0;
    return `chunk=${step.table.listing?.files[file]?.captures[0]}`;
  };
  for (;;) {
    for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
      scheduler.queue(id);
    }
    for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
      const { id } = next;
      running.push(id);
      onDisk.add(chunkOf(id));
      seen.push([...onDisk]);
      pushing.push(running.map((other) => targetName(graph.plan, other)));
    }
    const id = running.splice(pick() % Math.max(1, running.length), 1)[0];
    if (id === undefined) break;
    const isClean = locateTarget(graph.plan, id).step.name === 'clean';
    scheduler.settle(id, fails(id) ? 'failed' : 'done', { bytesWritten: 5 });
    if (!isClean || fails(id)) continue;
    cleaned.add(chunkOf(id));
    onDisk.delete(chunkOf(id));
  }
  return { seen, cleaned, pushing };
}

function chargeOf(groups: readonly string[], chunks: readonly number[]): number {
  const files = chunks.filter((chunk) => groups.includes(`chunk=${chunk}`)).length;
  return files * FILE_BYTES * FACTOR;
}

const chunkLists = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 12 });

test('groups are let in within the budget, and all pass', () => {
  fc.assert(
    fc.property(
      chunkLists.map((chunks) => chunks.toSorted((a, b) => a - b)),
      fc.integer({ min: 1, max: 400 }),
      fc.infiniteStream(fc.nat()),
      (chunks, budgetBytes, luck) => {
        const graph = pipeline(chunks);
        const { scheduler } = start({ graph, budgetBytes });
        const pick = () => luck.next().value;
        const { seen, cleaned } = drive({ graph, scheduler }, { fails: () => false, pick });
        for (const groups of seen) {
          if (groups.length > 1) {
            expect(chargeOf(groups, chunks)).toBeLessThanOrEqual(budgetBytes);
          }
        }
        expect(cleaned.size).toBe(new Set(chunks).size);
        expect(scheduler.ended).toBe(true);
        expect(scheduler.shortage).toBeUndefined();
      },
    ),
    { numRuns: 300 },
  );
});

test('groups with a failure keep what they hold; when that is all, they are named', () => {
  fc.assert(
    fc.property(
      chunkLists,
      fc.integer({ min: 1, max: 200 }),
      fc.nat(),
      (chunks, budgetBytes, bad) => {
        const graph = pipeline(chunks);
        const { scheduler } = start({ graph, budgetBytes });
        const broken = chunks[bad % chunks.length];
        const fails = (id: number) => {
          const { step, member } = locateTarget(graph.plan, id);
          const file = step.table.filesOf(member)[0] ?? 0;
          const chunk = Number(step.table.listing?.files[file]?.captures[0]);
          return step.name === 'split' && chunk === broken;
        };
        const { cleaned } = drive({ graph, scheduler }, { fails, pick: () => 0 });
        const { shortage } = scheduler;
        if (shortage === undefined) {
          expect(cleaned.size).toBe(new Set(chunks).size - 1);
          expect(scheduler.ended).toBe(true);
        } else {
          expect(shortage).toEqual({ kind: 'budget', heldBy: [`chunk=${broken}`] });
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('later groups are fetched while the first computes, as far as the budget goes', () => {
  const graph = pipeline([0, 1, 2]);
  const { scheduler } = start({ graph, budgetBytes: 2 * FILE_BYTES * FACTOR });
  const started: string[] = [];
  for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
    scheduler.queue(id);
  }
  for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
    started.push(targetName(graph.plan, next.id));
  }
  expect(started).toEqual(['pull@c0-0', 'pull@c1-1']);
});

test('with the disk full nothing that writes starts, and the shortage says so', () => {
  const graph = pipeline([0, 1]);
  const { scheduler, disk } = start({ graph, budgetBytes: 1000 });
  disk.observe(99);
  for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
    scheduler.queue(id);
  }
  expect(scheduler.nextStart()).toBeUndefined();
  expect(scheduler.shortage).toEqual({ kind: 'space', group: 'chunk=0', neededBytes: 10 });
  disk.observe(109);
  expect(scheduler.nextStart()).toBeUndefined();
  disk.observe(110);
  expect(scheduler.nextStart()).toBeDefined();
  // The second group is let in only when all of what the first still needs is there, too.
  expect(scheduler.nextStart()).toBeUndefined();
  disk.observe(100 + 2 * FILE_BYTES * FACTOR);
  expect(scheduler.nextStart()).toBeDefined();
});

test('one push at a time goes to a dataset, and pushes to several go together', () => {
  let together = 0;
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (luck) => {
      const graph = pipeline([0, 1, 2, 3]);
      const { scheduler } = start({ graph, budgetBytes: 1e6, exclusive: true });
      const pick = () => luck.next().value;
      const { pushing } = drive({ graph, scheduler }, { fails: () => false, pick });
      for (const names of pushing) {
        const cells = names.flatMap((name) => /^push:(\w)/.exec(name)?.[1] ?? []);
        expect(new Set(cells).size).toBe(cells.length);
        if (cells.length > 1) together += 1;
      }
    }),
  );
  expect(together).toBeGreaterThan(0);
});

test('what a group will hold is learned from what releases gave back', () => {
  const graph = pipeline([0, 1]);
  const clean = graph.plan.steps.at(-1);
  if (clean === undefined) throw new Error('no clean');
  const needed = new Uint8Array(graph.plan.targetCount).fill(1);
  const fresh = new Uint8Array(graph.plan.targetCount);
  const freed = { fields: {}, inputs: {}, artifacts: [], digest: '', engine: {}, durationMs: 1 };
  const groups = diskGroups(graph, {
    needed,
    fresh,
    stateOf: (id) =>
      id === clean.base
        ? { attempt: 1, trace: { ...freed, bytesFreed: 70, fields: released } }
        : undefined,
  } as Parameters<typeof diskGroups>[1]);
  expect(groups?.groups.map(({ expectedBytes }) => expectedBytes)).toEqual([70, 70]);
});

const released = { rule: 'release', code: '', with: {}, values: {}, outputs: {} } as const;

test('a disk that can take no more files has no space', () => {
  const fs = new FakeFileSystem(new FakeClock());
  expect(freeBytes(fs, '/')).toBe(fs.freeBytes);
  const space = { bytes: 1e12, totalBytes: 2e12, files: 5, totalFiles: 1e6 };
  expect(freeBytes(Object.assign(fs, { space: () => space }), '/')).toBe(0);
});
