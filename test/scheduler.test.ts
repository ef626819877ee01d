import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MemoryNeed } from '../src/free-pools.ts';
import { forEachProducer, type Graph } from '../src/plan/graph.ts';
import { locateTarget, type PlanStep, targetName } from '../src/plan/plan.ts';
import { createScheduler, type Scheduler, type Start } from '../src/scheduler.ts';
import { type StepSketch, sketchGraph } from './plan-fixture.ts';

const pools = { cpu: 3, memory: 10, network: 2 };

/** Steps in a line or a tree over files, chunks and once, with one or two cells. */
const graphs = fc
  .tuple(
    fc.array(
      fc.record({
        each: fc.constantFrom('file', 'chunk', undefined),
        matrix: fc.boolean(),
        needs: fc.array(fc.nat(), { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 7 }),
  )
  .map(([sketches, chunks]) => {
    const steps = sketches.map(({ each, matrix, needs }, index): StepSketch => {
      const names = index === 0 ? [] : [...new Set(needs.map((need) => `s${need % index}`))];
      return {
        name: `s${index}`,
        needs: names,
        ...(each === undefined ? {} : { each }),
        ...(matrix ? { tables: ['a', 'b'] } : {}),
      };
    });
    return sketchGraph(steps, { main: chunks });
  });

function start(graph: Graph, fresh = new Uint8Array(graph.plan.targetCount)): Scheduler {
  return createScheduler({
    graph,
    selected: new Uint8Array(graph.plan.targetCount).fill(1),
    fresh,
    pools,
    weights,
    memory: (id) => needOf(locateTarget(graph.plan, id).step),
    failFast: false,
  });
}

/** Each pool is the narrowest for some steps; some want more than there is. */
function weights({ index }: PlanStep) {
  return { cpu: 1 + (index % 3), network: index % 2 };
}

function needOf({ index }: PlanStep): MemoryNeed {
  return { leastBytes: index === 1 ? 99 : 2, ampleBytes: index % 2 === 0 ? 3 : 0 };
}

/** Runs to the end; `fate` says how each target ends, and which are tried a second time first. */
function drive(
  graph: Graph,
  scheduler: Scheduler,
  fate: (id: number) => 'fresh' | 'done' | 'failed' | 'retried',
) {
  const running: Start[] = [];
  const order: number[] = [];
  const retried = new Set<number>();
  for (;;) {
    for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
      forEachProducer(graph, id, (producer) => {
        expect(['fresh', 'done']).toContain(scheduler.stateOf(producer));
      });
      if (fate(id) === 'fresh') scheduler.settle(id, 'fresh');
      else scheduler.queue(id);
    }
    for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
      running.push(next);
      expectPools(graph, running);
    }
    const id = running.splice(running.length >> 1, 1)[0]?.id;
    if (id === undefined) break;
    if (fate(id) === 'retried' && !retried.has(id)) {
      retried.add(id);
      scheduler.retry(id);
      scheduler.queue(id);
      continue;
    }
    order.push(id);
    scheduler.settle(id, fate(id) === 'failed' ? 'failed' : 'done');
  }
  expect(scheduler.ended).toBe(true);
  return order;
}

function expectPools(graph: Graph, running: readonly Start[]) {
  const steps = running.map(({ id }) => locateTarget(graph.plan, id).step);
  for (const pool of ['cpu', 'network'] as const) {
    const taken = steps.map((step) => Math.min(pools[pool], weights(step)[pool]));
    const sum = taken.reduce((all, each) => all + each, 0);
    if (sum > pools[pool]) expect.fail(`${sum} of ${pools[pool]} ${pool} are taken`);
  }
  const bytes = running.reduce((all, { memoryBytes }) => all + memoryBytes, 0);
  if (bytes > pools.memory) expect.fail(`${bytes} of ${pools.memory} bytes are taken`);
  for (const [at, step] of steps.entries()) {
    const { leastBytes, ampleBytes } = needOf(step);
    const least = Math.min(leastBytes, pools.memory);
    expect(running[at]?.memoryBytes).toBeGreaterThanOrEqual(least);
    expect(running[at]?.memoryBytes).toBeLessThanOrEqual(Math.max(least, ampleBytes));
  }
}

test('every target is settled once, after all that it needs, within the pools', () => {
  fc.assert(
    fc.property(graphs, fc.infiniteStream(fc.nat({ max: 3 })), (graph, luck) => {
      const fates = Array.from({ length: graph.plan.targetCount }, () => {
        return (['fresh', 'done', 'done', 'retried'] as const)[luck.next().value ?? 0] ?? 'done';
      });
      const scheduler = start(graph);
      const order = drive(graph, scheduler, (id) => fates[id] ?? 'done');
      expect(new Set(order).size).toBe(order.length);
      expect(order.length).toBe(fates.filter((fate) => fate !== 'fresh').length);
    }),
    { numRuns: 300 },
  );
});

test('a failure blocks exactly its descendants and nothing else', () => {
  fc.assert(
    fc.property(graphs, fc.nat(), (graph, seed) => {
      const bad = seed % graph.plan.targetCount;
      const scheduler = start(graph);
      drive(graph, scheduler, (id) => (id === bad ? 'failed' : 'done'));
      const descends = new Uint8Array(graph.plan.targetCount);
      descends[bad] = 1;
      for (let id = 0; id < graph.plan.targetCount; id += 1) {
        forEachProducer(graph, id, (producer) => {
          if (descends[producer] === 1) descends[id] = 1;
        });
        const expected = id === bad ? 'failed' : descends[id] === 1 ? 'blocked' : 'done';
        expect(scheduler.stateOf(id)).toBe(expected);
        if (expected === 'blocked') expect(scheduler.causeOf(id)).toBe(bad);
      }
    }),
    { numRuns: 300 },
  );
});

test('targets known to be fresh are never given out', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const scheduler = start(graph, new Uint8Array(graph.plan.targetCount).fill(1));
      expect(scheduler.nextReady()).toBeUndefined();
      expect(scheduler.ended).toBe(true);
    }),
  );
});

test('draining starts nothing more and ends when what runs has ended', () => {
  const graph = sketchGraph([{ name: 'a', each: 'file' }], { main: [0, 0, 0, 0] });
  const scheduler = start(graph);
  for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
    scheduler.queue(id);
  }
  const first = scheduler.nextStart();
  scheduler.drain();
  expect(scheduler.nextStart()).toBeUndefined();
  expect(scheduler.ended).toBe(false);
  scheduler.settle(first?.id ?? -1, 'interrupted');
  expect(scheduler.ended).toBe(true);
});

test('a target that waits for its retry keeps the run open and its pools free', () => {
  const graph = sketchGraph([{ name: 'a', each: 'file' }], { main: [0] });
  const scheduler = start(graph);
  const id = scheduler.nextReady() ?? -1;
  scheduler.queue(id);
  expect(scheduler.nextStart()?.id).toBe(id);
  scheduler.retry(id);
  expect(scheduler.running).toBe(0);
  expect(scheduler.ended).toBe(false);
  scheduler.queue(id);
  expect(scheduler.nextStart()?.id).toBe(id);
  scheduler.settle(id, 'done');
  expect(scheduler.ended).toBe(true);
});

test('the order is depth first: a chunk is finished before the next is begun', () => {
  const graph = sketchGraph(
    [
      { name: 'pull', each: 'file' },
      { name: 'process', each: 'file', needs: ['pull'] },
      { name: 'push', each: 'chunk', needs: ['process'] },
    ],
    { main: [0, 0, 1, 1] },
  );
  const scheduler = createScheduler({
    graph,
    selected: new Uint8Array(graph.plan.targetCount).fill(1),
    fresh: new Uint8Array(graph.plan.targetCount),
    pools: { ...pools, cpu: 1 },
    weights: () => ({ cpu: 1 }),
    memory: (id) => needOf(locateTarget(graph.plan, id).step),
    failFast: false,
  });
  const order = drive(graph, scheduler, () => 'done').map((id) => targetName(graph.plan, id));
  expect(order).toEqual([
    'pull@c0-0',
    'process@c0-0',
    'pull@c0-1',
    'process@c0-1',
    'push@chunk=0',
    'pull@c1-2',
    'process@c1-2',
    'pull@c1-3',
    'process@c1-3',
    'push@chunk=1',
  ]);
});

test('what only waits for its publication counts as running and keeps no pool', () => {
  const graph = sketchGraph([{ name: 'make', needs: [], each: 'file' }], { main: [0, 0, 0, 0] });
  const scheduler = start(graph);
  const started: number[] = [];
  const startAll = () => {
    for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
      scheduler.queue(id);
    }
    for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
      started.push(next.id);
    }
  };
  startAll();
  expect(started).toHaveLength(pools.cpu);
  const [first = -1] = started;
  scheduler.free(first);
  scheduler.free(first);
  startAll();
  expect(started).toHaveLength(pools.cpu + 1);
  expect(scheduler.running).toBe(pools.cpu + 1);
  expect(scheduler.stateOf(first)).toBe('running');
  for (const id of started) scheduler.settle(id, 'done');
  expect(scheduler.ended).toBe(true);
});

test('a target that needs much memory is passed over by small ones, but not for ever', () => {
  const graph = sketchGraph(
    [
      { name: 'make', each: 'file' },
      { name: 'big', each: 'file' },
    ],
    {
      main: Array.from({ length: 60 }, () => 0),
    },
  );
  const isBig = (id: number) => locateTarget(graph.plan, id).step.name === 'big';
  const selected = new Uint8Array(graph.plan.targetCount).fill(1);
  for (let id = 0; id < selected.length; id += 1) {
    if (isBig(id) && locateTarget(graph.plan, id).member !== 3) selected[id] = 0;
  }
  const scheduler = createScheduler({
    graph,
    selected,
    fresh: new Uint8Array(graph.plan.targetCount),
    pools: { cpu: 4, memory: 10, network: 0 },
    weights: () => ({ cpu: 1 }),
    memory: (id) => {
      return isBig(id) ? { leastBytes: 10, ampleBytes: 10 } : { leastBytes: 3, ampleBytes: 3 };
    },
    failFast: false,
  });
  for (let id = scheduler.nextReady(); id !== undefined; id = scheduler.nextReady()) {
    scheduler.queue(id);
  }
  const running: number[] = [];
  const started: number[] = [];
  for (;;) {
    for (let next = scheduler.nextStart(); next !== undefined; next = scheduler.nextStart()) {
      running.push(next.id);
      started.push(next.id);
      if (isBig(next.id)) expect(running).toHaveLength(1);
    }
    const ended = running.shift();
    if (ended === undefined) break;
    scheduler.settle(ended, 'done');
  }
  expect(started).toHaveLength(61);
  // Three before its turn, and those that may pass.
  expect(started.findIndex(isBig)).toBeGreaterThan(3);
  expect(started.findIndex(isBig)).toBeLessThan(25);
});
