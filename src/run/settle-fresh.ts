// What a run does with the targets that are up to date before it begins with the others: it counts
// them and notes what was found out about them, so that the next run need not look again.
import { locateTarget, type TargetId } from '../plan/plan.ts';
import type { Assessment } from './assess.ts';
import type { RunContext } from './context.ts';
import type { TargetFacts } from './facts.ts';
import type { Recorder } from './recorder.ts';

interface SettleContext extends Pick<RunContext, 'graph' | 'selection' | 'report'> {
  readonly facts: TargetFacts;
  readonly recorder: Recorder;
  /** Targets whose outside files were rehashed because their mtime had changed. */
  readonly touched: ReadonlySet<TargetId>;
}

export function settleFresh({ fresh }: Assessment, context: SettleContext): void {
  const { graph, report, selection, recorder, touched } = context;
  for (const step of graph.plan.steps) {
    let count = 0;
    for (let id = step.base; id < step.base + step.cellCount * step.memberCount; id += 1) {
      if (selection.needed[id] !== 1 || fresh[id] !== 1) continue;
      count += 1;
      recorder.settled(id, true);
    }
    if (count > 0) report({ type: 'fresh', step: step.name, count });
  }
  for (const id of touched) if (fresh[id] === 1) recordTouched(id, context);
}

/** Same bytes under a new mtime: noted, so that the next run needs no rehash. */
function recordTouched(id: TargetId, { graph, facts, recorder }: SettleContext) {
  const outside: Record<string, number> = {};
  for (const { name, file } of facts.outsideInputs(locateTarget(graph.plan, id))) {
    if (file !== undefined) outside[name] = file.mtimeMs;
  }
  recorder.verified(id, { artifacts: {}, outside });
}
