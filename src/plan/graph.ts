// What needs what among the targets of a plan, computed from indices whenever it is asked: no
// edges are stored. Where every member of one table needs every member of another, a barrier
// node stands between them, so that 9,687 x 9,687 edges are 2 x 9,687.
import {
  locateTarget,
  type MemberTable,
  type Need,
  type Plan,
  type PlannedTarget,
  type PlanStep,
  type TargetId,
  targetId,
} from './plan.ts';

/** A target id, or `plan.targetCount` + the index of a barrier. */
export type NodeId = number;

export interface Graph {
  readonly plan: Plan;
  readonly barriers: readonly Barrier[];
  readonly nodeCount: number;
  /** Steps that need a step, with the need. */
  readonly consumers: readonly (readonly Consumer[])[];
}

interface Consumer {
  readonly step: PlanStep;
  readonly need: Need;
  /** Index of the need in the consuming step. */
  readonly needIndex: number;
}

/** Waits for all members of some cells of `producer`, then lets one cell of `consumer` go. */
export interface Barrier {
  readonly node: NodeId;
  readonly producer: PlanStep;
  readonly cells: readonly number[];
  readonly consumer: PlanStep;
  readonly needIndex: number;
  readonly cell: number;
}

export function makeGraph(plan: Plan): Graph {
  const consumers: Consumer[][] = plan.steps.map(() => []);
  const barriers: Barrier[] = [];
  for (const step of plan.steps) {
    for (const [needIndex, need] of step.needs.entries()) {
      consumers[need.step]?.push({ step, need, needIndex });
      const producer = stepAt(plan, need.step);
      if (!needsBarrier(need, { producer, consumer: step })) continue;
      for (const [cell, cells] of need.cells.entries()) {
        const node = plan.targetCount + barriers.length;
        barriers.push({ node, producer, cells, consumer: step, needIndex, cell });
      }
    }
  }
  return { plan, barriers, nodeCount: plan.targetCount + barriers.length, consumers };
}

function needsBarrier(need: Need, ends: { producer: PlanStep; consumer: PlanStep }): boolean {
  return need.relation === 'all' && ends.producer.memberCount > 1 && ends.consumer.memberCount > 1;
}

/** Targets that a target needs directly, looking through barriers. */
export function forEachProducer(graph: Graph, id: TargetId, visit: (producer: TargetId) => void) {
  const target = locateTarget(graph.plan, id);
  for (const need of target.step.needs) visitNeed(graph, { ...target, need, visit });
}

function visitNeed(
  graph: Graph,
  {
    step,
    cell,
    member,
    need,
    visit,
  }: PlannedTarget & { need: Need; visit: (id: TargetId) => void },
) {
  const producer = stepAt(graph.plan, need.step);
  const members = producingMembers(need, { step, producer, member });
  for (const producerCell of need.cells[cell] ?? []) {
    for (const each of members) visit(targetId(producer, producerCell, each));
  }
}

/** Targets whose files a releasing target frees. */
export function forEachReleased(graph: Graph, id: TargetId, visit: (released: TargetId) => void) {
  const target = locateTarget(graph.plan, id);
  for (const need of target.step.releases) visitNeed(graph, { ...target, need, visit });
}

/** Nodes that a node waits for: barriers stand for what is behind them. */
export function forEachDependency(graph: Graph, node: NodeId, visit: (node: NodeId) => void) {
  const barrier = barrierAt(graph, node);
  if (barrier !== undefined) {
    for (const cell of barrier.cells) {
      for (let member = 0; member < barrier.producer.memberCount; member += 1) {
        visit(targetId(barrier.producer, cell, member));
      }
    }
    return;
  }
  const { step, cell, member } = locateTarget(graph.plan, node);
  for (const [needIndex, need] of step.needs.entries()) {
    const producer = stepAt(graph.plan, need.step);
    if (needsBarrier(need, { producer, consumer: step })) {
      visit(barrierNode(graph, { step, needIndex, cell }));
      continue;
    }
    visitNeed(graph, { step, cell, member, need, visit });
  }
}

/** Nodes that wait for a node. */
export function forEachDependent(graph: Graph, node: NodeId, visit: (node: NodeId) => void) {
  const barrier = barrierAt(graph, node);
  if (barrier !== undefined) {
    for (let member = 0; member < barrier.consumer.memberCount; member += 1) {
      visit(targetId(barrier.consumer, barrier.cell, member));
    }
    return;
  }
  const { step, cell, member } = locateTarget(graph.plan, node);
  for (const { step: consumer, need, needIndex } of graph.consumers[step.index] ?? []) {
    const behindBarrier = needsBarrier(need, { producer: step, consumer });
    const members = behindBarrier ? [] : consumingMembers(need, { step, consumer, member });
    for (const [consumerCell, cells] of need.cells.entries()) {
      if (!cells.includes(cell)) continue;
      if (behindBarrier)
        visit(barrierNode(graph, { step: consumer, needIndex, cell: consumerCell }));
      for (const each of members) visit(targetId(consumer, consumerCell, each));
    }
  }
}

/** Undefined for a target. An index below 0 is no place in a list: it would be looked up by name. */
function barrierAt({ plan, barriers }: Graph, node: NodeId): Barrier | undefined {
  return node < plan.targetCount ? undefined : barriers[node - plan.targetCount];
}

function barrierNode(
  graph: Graph,
  { step, needIndex, cell }: { step: PlanStep; needIndex: number; cell: number },
): NodeId {
  const found = graph.barriers.find(
    (barrier) =>
      barrier.consumer === step && barrier.needIndex === needIndex && barrier.cell === cell,
  );
  if (found === undefined) throw new Error(`no barrier before ${step.name}`);
  return found.node;
}

function producingMembers(
  need: Need,
  { step, producer, member }: { step: PlanStep; producer: PlanStep; member: number },
): Iterable<number> {
  switch (need.relation) {
    case 'same':
      return [member];
    case 'members':
      return step.table.filesOf(member);
    case 'group':
      return [producer.table.groupOfFile?.[member] ?? 0];
    case 'overlap':
      return groupsOver(producer.table, step.table.filesOf(member));
    case 'all':
      return Array.from({ length: producer.memberCount }, (_, index) => index);
  }
}

function consumingMembers(
  need: Need,
  { step, consumer, member }: { step: PlanStep; consumer: PlanStep; member: number },
): Iterable<number> {
  switch (need.relation) {
    case 'same':
      return [member];
    case 'members':
      return [consumer.table.groupOfFile?.[member] ?? 0];
    case 'group':
      return step.table.filesOf(member);
    case 'overlap':
      return groupsOver(consumer.table, step.table.filesOf(member));
    case 'all':
      return Array.from({ length: consumer.memberCount }, (_, index) => index);
  }
}

function groupsOver(table: MemberTable, files: readonly number[]): ReadonlySet<number> {
  return new Set(files.map((file) => table.groupOfFile?.[file] ?? 0));
}

export function stepAt(plan: Plan, index: number): PlanStep {
  const step = plan.steps[index];
  if (step === undefined) throw new RangeError(`no step ${index}`);
  return step;
}
