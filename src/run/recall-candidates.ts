// Which publishing targets are worth asking their dataset about: those behind which something is not
// recorded here, and whose task can tell.
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { locateTarget, type TargetId, targetId, targetKey } from '../plan/plan.ts';
import type { JournalState } from '../store/journal-state.ts';
import { upstreamOf } from './provenance.ts';
import type { RecallContext } from './recall.ts';

/**
 * Publishing targets of which neither they nor what they publish was ever begun; for a repair, those
 * behind which anything is not recorded.
 */
export function findCandidates(context: RecallContext): readonly TargetId[] {
  const { graph, selection, store, isRepair = false, known } = context;
  const { plan } = graph;
  // Cells of a member look into the same journals one after the other.
  let last: { readonly name: string; readonly journal: JournalState } | undefined;
  const isRecorded = (id: TargetId) => {
    const { step, cell, member } = locateTarget(plan, id);
    const name = step.table.journals[member] ?? '';
    if (last?.name !== name) last = { name, journal: store.load(name) };
    return last.journal.targets.has(targetKey(step, cell)) || known?.has(id) === true;
  };
  const isCandidate = (id: TargetId) =>
    isRepair
      ? !upstreamOf(graph, id).every(isRecorded)
      : !producersOf(graph, id).some(isRecorded) && !isRecorded(id);
  const candidates: TargetId[] = [];
  for (const step of plan.steps) {
    const { publish, hub, rule, acceptsReleased } = step.config;
    const isAble = publish !== undefined && hub !== undefined && rule.kind === 'task';
    if (!isAble || !acceptsReleased) continue;
    for (let member = 0; member < step.memberCount; member += 1) {
      for (let cell = 0; cell < step.cellCount; cell += 1) {
        const id = targetId(step, cell, member);
        if (selection.needed[id] !== 1) continue;
        if (isCandidate(id)) candidates.push(id);
      }
    }
  }
  return candidates;
}

function producersOf(graph: Graph, id: TargetId): readonly TargetId[] {
  const producers: TargetId[] = [];
  forEachProducer(graph, id, (producer) => producers.push(producer));
  return producers;
}
