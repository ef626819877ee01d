// What the commands that only look share: the plan, the recorded state read beside whoever writes
// it, and workers for the rare question that needs one.
import type { Executor } from '../executor/executor.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { type Selection, selectTargets } from '../plan/selection.ts';
import { type Survey, survey } from '../run/survey.ts';
import { readStore } from '../store/store.ts';
import { engineVersions } from './engine.ts';
import { belongingOf, type Project, planProject, stateFolder } from './project.ts';
import { problemText, UsageError } from './usage-error.ts';

export interface Look {
  readonly graph: Graph;
  readonly selection: Selection;
  readonly survey: Survey;
}

export interface LookOptions {
  readonly words: readonly string[];
  readonly until?: string | undefined;
  readonly force?: boolean;
  readonly rehash: 'all' | 'unproven' | 'none';
}

export async function look<T>(
  project: Project,
  { options, use }: { options: LookOptions; use: (look: Look) => T },
): Promise<T> {
  const graph = planProject(project, nodeFileSystem);
  const { words, until, force, rehash } = options;
  const { selection, diagnostics } = selectTargets(graph, { words, until });
  if (selection === undefined) throw new UsageError(project.format(diagnostics));
  const folder = stateFolder(project.config);
  const belonging = belongingOf(project.config);
  const opened = readStore({ fs: nodeFileSystem, folder, belonging });
  if (opened.kind === 'refused') throw new UsageError(problemText(opened.problem));
  let executor: Promise<Executor> | undefined;
  const start = async () => {
    const { createWorkerPool } = await import('../executor/pool.ts');
    return createWorkerPool({});
  };
  try {
    const found = await survey({
      graph,
      fs: nodeFileSystem,
      store: opened.store,
      executor: () => {
        executor ??= start();
        return executor;
      },
      engine: engineVersions(),
      needed: selection.needed,
      forced: force === true ? selection.named : undefined,
      rehash,
    });
    return use({ graph, selection, survey: found });
  } finally {
    await (await executor)?.close();
  }
}
