// `pipeline log TARGET`: prints the target's log, also while it grows, or says where it lies.
import { posix, relative } from 'node:path';
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { type Plan, type TargetId, targetName } from '../plan/plan.ts';
import { selectTargets } from '../plan/selection.ts';
import { targetPaths } from '../run/work-order.ts';
import { EXIT } from './exit-code.ts';
import { followTarget } from './follow-target.ts';
import { planRecorded } from './look.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openProject } from './project.ts';
import { interruptible } from './signals.ts';
import { UsageError } from './usage-error.ts';

export async function logCommand(
  word: string,
  raw: RawOptions & { readonly path?: boolean; readonly follow?: boolean },
): Promise<number> {
  const project = openProject(projectOptions(raw));
  const graph = planRecorded(project);
  const { selection, diagnostics } = selectTargets(graph, { words: [word], until: undefined });
  if (selection === undefined) throw new UsageError(project.format(diagnostics));
  const ids = [...selection.named.keys()].filter((id) => selection.named[id] === 1);
  const [id] = ids;
  if (id === undefined || ids.length > 1) {
    const some = ids.slice(0, 3).map((each) => targetName(graph.plan, each));
    throw new UsageError(`"${word}" means ${ids.length} targets\n  name one: ${some.join(', ')}`);
  }
  const path = posix.join(project.config.work, targetPaths(graph, id, 0).log);
  if (raw.follow === true) return follow(id, { plan: graph.plan, log: path });
  const shown = relative(process.cwd(), path);
  const bytes = nodeFileSystem.read(path);
  if (bytes === undefined) {
    process.stderr.write(`${targetName(graph.plan, id)} has no log: it has said nothing yet\n`);
    return EXIT.ok;
  }
  if (raw.path === true) process.stdout.write(`${shown}\n`);
  else process.stdout.write(bytes);
  return EXIT.ok;
}

async function follow(
  id: TargetId,
  { plan, log }: { readonly plan: Plan; readonly log: string },
): Promise<number> {
  const unread = new AbortController();
  process.stdout.once('error', () => unread.abort());
  const end = await interruptible((signal) =>
    followTarget(id, {
      plan,
      log,
      fs: nodeFileSystem,
      clock: systemClock,
      signal: AbortSignal.any([signal, unread.signal]),
      write: (piece) => process.stdout.write(piece),
      note: (line) => process.stderr.write(`${line}\n`),
    }),
  );
  if (end === undefined) return EXIT.interrupted;
  if (!unread.signal.aborted) process.stderr.write(`${end}\n`);
  return EXIT.ok;
}
