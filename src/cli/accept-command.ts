// `pipeline accept TARGETS`: calls stale targets up to date, and says which, why they were stale and
// which cannot be.
import { nodeFileSystem } from '../node-file-system.ts';
import { type Plan, targetName } from '../plan/plan.ts';
import { selectTargets } from '../plan/selection.ts';
import { type Acceptance, findAcceptable } from '../run/accept.ts';
import { engineVersions } from './engine.ts';
import { EXIT } from './exit-code.ts';
import { countTargets, groupedLines } from './grouped-lines.ts';
import { planRecorded } from './look.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { openProject, type Project } from './project.ts';
import { refuseUnlisted } from './refuse-unlisted.ts';
import { interruptible } from './signals.ts';
import { UsageError } from './usage-error.ts';
import { whoAmI } from './who.ts';
import { inWorkSession, type WorkSession } from './work-session.ts';

export interface RawAcceptOptions extends RawOptions {
  readonly why?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function acceptCommand(
  words: readonly string[],
  raw: RawAcceptOptions,
): Promise<number> {
  const project = openProject(projectOptions(raw));
  refuseUnlisted(project, raw);
  const command = [invocationOf(raw), 'accept', ...words].join(' ');
  return inWorkSession(project.config, {
    command,
    use: (session) => accept(project, { session, words, raw }),
  });
}

async function accept(
  project: Project,
  {
    session,
    words,
    raw,
  }: { session: WorkSession; words: readonly string[]; raw: RawAcceptOptions },
): Promise<number> {
  const graph = planRecorded(project, session.connections);
  const { selection, diagnostics } = selectTargets(graph, { words, until: undefined });
  if (selection === undefined) throw new UsageError(project.format(diagnostics));
  const found = await interruptible((signal) =>
    findAcceptable({
      graph,
      selection,
      store: session.store,
      fs: nodeFileSystem,
      executor: session.executor,
      engine: engineVersions(),
      hubId: (hub) => session.connections.idOf(hub),
      signal,
    }),
  );
  if (found === undefined) return EXIT.interrupted;
  const who = whoAmI();
  const why = raw.why ?? '';
  const isDry = raw.dryRun === true;
  if (raw.json === true) process.stdout.write(jsonOf(graph.plan, found));
  else process.stdout.write(explain(graph.plan, { found, isDry }));
  if (!isDry && found.acceptable.length > 0) {
    await found.record(who, why);
    if (raw.json !== true) {
      const reason = why === '' ? '' : `: ${why}`;
      const count = countTargets(found.acceptable.length);
      process.stdout.write(`Accepted ${count} by ${who}${reason}\n`);
    }
  }
  return found.refused.length === 0 ? EXIT.ok : EXIT.failed;
}

function explain(
  plan: Plan,
  { found, isDry }: { readonly found: Acceptance; readonly isDry: boolean },
): string {
  const { acceptable, refused, freshCount } = found;
  const lines: string[] = [];
  if (acceptable.length > 0) {
    const count = countTargets(acceptable.length);
    lines.push(isDry ? `Would call ${count} up to date:` : `Calling ${count} up to date:`);
    const said = acceptable.map(({ id, reasons }) => ({ id, text: reasons.join('; ') }));
    lines.push(...groupedLines(plan, said));
  }
  if (refused.length > 0) {
    lines.push(`Cannot call ${countTargets(refused.length)} up to date:`);
    const said = refused.map(({ id, because }) => ({ id, text: because }));
    lines.push(...groupedLines(plan, said));
  }
  if (acceptable.length + refused.length === 0) {
    lines.push(`Nothing to accept: ${countTargets(freshCount)} up to date already.`);
  }
  return `${lines.join('\n')}\n`;
}

/** One object a line for every target that is stale. */
function jsonOf(plan: Plan, { acceptable, refused }: Acceptance): string {
  const lines = [
    ...acceptable.map(({ id, reasons }) => ({
      target: targetName(plan, id),
      acceptable: true,
      reasons,
    })),
    ...refused.map(({ id, because }) => ({
      target: targetName(plan, id),
      acceptable: false,
      because,
    })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}
