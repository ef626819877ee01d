// Takes down what was up to date from the start: counted for the ordinals and told by step, never
// one by one.
import type { RunContext } from './context.ts';
import type { OutsideInput } from './facts.ts';
import type { Recorder } from './recorder.ts';

export function recordFresh(
  { graph, report, selection }: Pick<RunContext, 'graph' | 'report' | 'selection'>,
  { recorder, fresh }: { recorder: Recorder; fresh: Uint8Array },
): void {
  for (const step of graph.plan.steps) {
    let count = 0;
    for (let id = step.base; id < step.base + step.cellCount * step.memberCount; id += 1) {
      if (selection.needed[id] !== 1 || fresh[id] !== 1) continue;
      count += 1;
      recorder.settled(id, true);
    }
    if (count > 0) report({ type: 'fresh', step: step.name, count });
  }
}

/** Same bytes under a new mtime are noted, so that the next run needs no rehash. */
export function mtimesOf(inputs: readonly OutsideInput[]): Readonly<Record<string, number>> {
  const mtimes: Record<string, number> = {};
  for (const { name, file } of inputs) if (file !== undefined) mtimes[name] = file.mtimeMs;
  return mtimes;
}
