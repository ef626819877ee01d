// `pipeline repair [TARGETS]`: shows what can be rebuilt of the state, and records it on a yes.
import { HubError } from '../hub/client/error.ts';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { selectTargets } from '../plan/selection.ts';
import { findPublished } from '../run/recall.ts';
import { findRepair, type RepairContext } from '../run/repair.ts';
import { askYes } from './ask-yes.ts';
import { engineVersions } from './engine.ts';
import { EXIT } from './exit-code.ts';
import { planRecorded } from './look.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { openHub, prepareSources } from './prepare-sources.ts';
import { openProject, type Project } from './project.ts';
import { repairJson, repairText } from './repair-text.ts';
import { interruptible } from './signals.ts';
import { UsageError } from './usage-error.ts';
import { whoAmI } from './who.ts';
import { inWorkSession, type WorkSession } from './work-session.ts';

export interface RawRepairOptions extends RawOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

interface RepairCall {
  readonly session: WorkSession;
  readonly words: readonly string[];
  readonly raw: RawRepairOptions;
}

export async function repairCommand(
  words: readonly string[],
  raw: RawRepairOptions,
): Promise<number> {
  const project = openProject(projectOptions(raw));
  const command = [invocationOf(raw), 'repair', ...words].join(' ');
  return inWorkSession(project.config, {
    command,
    use: (session) => repair(project, { session, words, raw }),
  });
}

async function repair(project: Project, call: RepairCall): Promise<number> {
  const { session, words, raw } = call;
  const say = (text: string) => {
    if (raw.json !== true) process.stdout.write(text);
  };
  const found = await interruptible(async (signal) => {
    await prepareSources({
      config: project.config,
      fs: nodeFileSystem,
      clock: systemClock,
      connections: session.connections,
      executor: session.executor,
      signal,
      note: (message) => say(`${message}\n`),
      refresh: false,
    });
    const graph = planRecorded(project, session.connections);
    const { selection, diagnostics } = selectTargets(graph, { words, until: undefined });
    if (selection === undefined) throw new UsageError(project.format(diagnostics));
    return { graph, repair: await findRepair(contextOf(call, { graph, selection, signal })) };
  });
  if (found === undefined) return EXIT.interrupted;
  if (raw.json === true) process.stdout.write(repairJson(found.repair, found.graph.plan));
  say(repairText(found.repair, found.graph.plan));
  if (found.repair.isEmpty) return EXIT.ok;
  if (raw.dryRun === true) {
    found.repair.discard();
    return EXIT.ok;
  }
  const answer = raw.yes === true ? 'yes' : await askYes('Record this?');
  if (answer !== 'yes') {
    found.repair.discard();
    const hint = 'Nothing was recorded. To record it, say --yes.\n';
    if (answer === 'no') say('Nothing was recorded.\n');
    else process.stderr.write(hint);
    return answer === 'no' ? EXIT.ok : EXIT.usage;
  }
  await found.repair.record();
  say('Recorded. A run brings the rest up to date.\n');
  return EXIT.ok;
}

function contextOf(
  { session, words }: RepairCall,
  parts: Pick<RepairContext, 'graph' | 'selection' | 'signal'>,
): RepairContext {
  const { store, executor, connections } = session;
  const { signal } = parts;
  const shared = {
    ...parts,
    store,
    fs: nodeFileSystem,
    executor,
    engine: engineVersions(),
    hubId: (hub: Parameters<typeof connections.idOf>[0]) => connections.idOf(hub),
  };
  return {
    ...shared,
    who: whoAmI(),
    isWhole: words.length === 0,
    findPublished: (known) =>
      findPublished({
        ...shared,
        known,
        isRepair: true,
        connectHub: (hub) => connections.connect(hub),
        headOf: async (hub, dataset) =>
          (await openHub(hub, { connections, signal })).repository(dataset).head(),
        note: (message) => process.stderr.write(`${message}\n`),
      }).catch((error: unknown) => {
        // What lies here can be repaired without a network.
        if (!(error instanceof HubError)) throw error;
        process.stderr.write(`what is published cannot be looked up: ${error.message}\n`);
        return { places: [], record: () => {}, discard: () => {} };
      }),
  };
}
