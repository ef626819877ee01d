// `pipeline gc`: lists what the plan has no use for any more, and deletes it on a yes.
import { posix } from 'node:path';
import type { Config, HubConfig } from '../config/config.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import type { Graph } from '../plan/graph.ts';
import { collectOrphans } from '../run/collect.ts';
import { TargetFailure } from '../run/failure.ts';
import { findOrphans } from '../run/orphans.ts';
import { clearRemote, type RemoteOrphans } from '../run/remote-orphans.ts';
import { seedGraph } from '../run/seed.ts';
import { askYes } from './ask-yes.ts';
import { engineVersions } from './engine.ts';
import { EXIT } from './exit-code.ts';
import { orphansJson, orphansText } from './gc-text.ts';
import { planRecorded } from './look.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { openHub } from './prepare-sources.ts';
import { openProject, type Project } from './project.ts';
import { refuseUnlisted } from './refuse-unlisted.ts';
import { interruptible } from './signals.ts';
import { UsageError } from './usage-error.ts';
import { inWorkSession, type WorkSession } from './work-session.ts';

export interface RawGcOptions extends RawOptions {
  readonly remote?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function gcCommand(raw: RawGcOptions): Promise<number> {
  const project = openProject(projectOptions(raw));
  refuseUnlisted(project, raw);
  const command = `${invocationOf(raw)} gc`;
  return inWorkSession(project.config, {
    command,
    use: (session) => collect(project, { session, raw }),
  });
}

async function collect(
  project: Project,
  { session, raw }: { readonly session: WorkSession; readonly raw: RawGcOptions },
): Promise<number> {
  const { config } = project;
  const seeds = seedGraph(config);
  const plan = planRecorded(project, session.connections);
  const context = {
    graphs: seeds === undefined ? [plan] : [plan, seeds],
    work: config.work,
    store: session.store,
    fs: nodeFileSystem,
    executor: session.executor,
    sourceFolders: sourceFolders(config),
  };
  const look = async (signal: AbortSignal) => ({
    orphans: await findOrphans(context),
    remote: await remoteOf(session, { raw, graph: plan, signal, isDry: true }),
  });
  const found = await interruptible(look);
  if (found === undefined) return EXIT.interrupted;
  const { orphans, remote } = found;
  const isJson = raw.json === true;
  process.stdout.write(isJson ? orphansJson(orphans, remote) : orphansText(orphans, remote));
  const { targets, journals, scratch } = orphans;
  const count = targets.length + journals.length + scratch.length + remote.length;
  if (raw.dryRun === true || count === 0) return EXIT.ok;
  const answer = raw.yes === true ? 'yes' : await askYes('Delete this?');
  if (answer === 'nobody') {
    process.stderr.write('Nothing was deleted. To delete it, say --yes.\n');
    return EXIT.usage;
  }
  if (answer === 'no') {
    process.stdout.write('Nothing was deleted.\n');
    return EXIT.ok;
  }
  await collectOrphans(orphans, context);
  if (remote.length > 0) {
    const clear = (signal: AbortSignal) =>
      remoteOf(session, { raw, graph: plan, signal, isDry: false });
    if ((await interruptible(clear)) === undefined) return EXIT.interrupted;
  }
  if (!isJson) process.stdout.write('Deleted.\n');
  return EXIT.ok;
}

/** Nothing unless `--remote` was given. */
async function remoteOf(
  { executor, connections }: WorkSession,
  {
    raw,
    graph,
    signal,
    isDry,
  }: {
    readonly raw: RawGcOptions;
    readonly graph: Graph;
    readonly signal: AbortSignal;
    readonly isDry: boolean;
  },
): Promise<readonly RemoteOrphans[]> {
  if (raw.remote !== true) return [];
  const context = {
    graph,
    fs: nodeFileSystem,
    executor,
    engine: engineVersions(),
    hubId: (hub: HubConfig) => connections.idOf(hub),
    signal,
    connectHub: (hub: HubConfig) => connections.connect(hub),
    headOf: async (hub: HubConfig, dataset: string) =>
      (await openHub(hub, { connections, signal })).repository(dataset).head(),
  };
  try {
    return await clearRemote(context, { isDry });
  } catch (error) {
    if (!(error instanceof TargetFailure)) throw error;
    const { code, message, hint } = error.failure;
    throw new UsageError(`error: ${message} [${code}]${hint === undefined ? '' : `\n  ${hint}`}`);
  }
}

/** Folders whose files are read, or made for being read, and so are nobody's output. */
function sourceFolders({ sources, hub }: Config): readonly string[] {
  const local = sources.flatMap((source) => (source.kind === 'local' ? [source.files] : []));
  const folders = local.map((files) => posix.dirname(files.replace(/[*?[{].*$/, 'x')));
  return hub?.seed === undefined ? folders : [...folders, hub.seed.folder];
}
