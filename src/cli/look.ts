// What the commands that only look share: the plan, the recorded state read beside whoever writes
// it, and workers for the rare question that needs one.
import type { Executor } from '../executor/executor.ts';
import { findFiles } from '../glob.ts';
import { HubConnections } from '../hub/connections.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { type Selection, selectTargets } from '../plan/selection.ts';
import { type Survey, survey } from '../run/survey.ts';
import { readStore } from '../store/store.ts';
import { engineVersions } from './engine.ts';
import { recordedListing } from './prepare-sources.ts';
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
  /** A glance has shown that everything needed is up to date. */
  readonly isAllFresh?: boolean;
}

/** The plan from local files and recorded listings, without a network. */
export function planRecorded(
  project: Project,
  connections = new HubConnections(project.config.work, process.env),
): Graph {
  const { config } = project;
  const fs = nodeFileSystem;
  return planProject(project, {
    fs,
    recorded: (source) => recordedListing(source, { config, fs, connections }),
  });
}

/** Sources whose files are not made, or not listed, before the first run. */
export function unlistedSources({ config }: Project): readonly string[] {
  const fs = nodeFileSystem;
  const connections = new HubConnections(config.work, process.env);
  return config.sources
    .filter((source) =>
      source.kind === 'hub'
        ? recordedListing(source, { config, fs, connections }) === undefined
        : source.seed !== undefined && findFiles(fs, source.files).length === 0,
    )
    .map((source) => source.name);
}

export async function look<T>(
  project: Project,
  { options, use }: { options: LookOptions; use: (look: Look) => T },
): Promise<T> {
  const connections = new HubConnections(project.config.work, process.env);
  const graph = planRecorded(project, connections);
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
      hubId: (hub) => connections.idOf(hub),
      needed: selection.needed,
      forced: force === true ? selection.named : undefined,
      rehash,
      isAllFresh: options.isAllFresh === true,
    });
    return use({ graph, selection, survey: found });
  } finally {
    await (await executor)?.close();
  }
}
