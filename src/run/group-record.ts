// Keeps the membership of computed groups (`state/@source-NAME.groups.json`), and the rules they were
// formed by. A group that was once formed never changes, whatever the source or the rule becomes,
// because outputs are cut by it.
import { posix } from 'node:path';
import type { ComputedGroups, Config, SourceConfig } from '../config/config.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { FileSystem } from '../file-system.ts';
import type { GroupRecord } from '../plan/batch.ts';
import type { Catalog } from '../plan/catalog.ts';
import { StoreProblemError } from '../store/problem.ts';
import { groupsOf } from './source.ts';

/** By kind: the group of each file. */
type Groups = Readonly<Record<string, GroupRecord>>;

/** In place of a kind: the rule that the groups of each kind were formed by, as it is written. */
const RULES = '@rules';

/** No groups when none were formed yet. Throws a StoreProblemError for a damaged record. */
export function readGroups(
  source: SourceConfig,
  { config, fs }: { config: Config; fs: FileSystem },
): Groups {
  if (source.groups.length === 0) return {};
  const path = recordPath(config, source);
  const bytes = fs.read(path);
  if (bytes === undefined) return {};
  try {
    const groups: Groups = JSON.parse(new TextDecoder().decode(bytes));
    return groups;
  } catch {
    throw new StoreProblemError({
      code: 'unreadable-state',
      message: `${path} is damaged: it records which files form which groups`,
      hint: 'Put it back from a copy; deleting it forms the groups anew, which may cut them otherwise.',
    });
  }
}

/** Records groups that were formed since; only for the holder of the lock. */
export function recordGroups(
  catalog: Catalog,
  { config, fs }: { config: Config; fs: FileSystem },
): void {
  for (const [index, source] of config.sources.entries()) {
    const listing = catalog.listings[index];
    if (source.groups.length === 0 || listing === undefined) continue;
    const before = readGroups(source, { config, fs });
    const now = groupsOf(source, listing);
    // What vanished from the source keeps its group, in case it comes back.
    const merged: Record<string, GroupRecord> = { ...before };
    const rules = { ...before[RULES] };
    for (const kind of source.groups) {
      if (before[kind.name] === undefined) rules[kind.name] = describeRule(kind);
      // Of groups that were formed before rules were recorded, what holds now is the best guess.
      rules[kind.name] ??= describeRule(kind);
      merged[kind.name] = { ...before[kind.name], ...now[kind.name] };
    }
    merged[RULES] = rules;
    const text = `${JSON.stringify(merged, null, 1)}\n`;
    if (text === `${JSON.stringify(before, null, 1)}\n`) continue;
    fs.makeFolder(posix.join(config.work, 'state'));
    fs.replace(recordPath(config, source), text);
  }
}

/** Kinds of groups whose rule was edited since they were formed: it counts for new files only. */
export function findKeptGroups({
  config,
  fs,
}: {
  config: Config;
  fs: FileSystem;
}): readonly Diagnostic[] {
  return config.sources.flatMap((source) => {
    const before = readGroups(source, { config, fs });
    return source.groups.flatMap((kind): readonly Diagnostic[] => {
      const formedBy = before[RULES]?.[kind.name];
      const rule = describeRule(kind);
      if (before[kind.name] === undefined || formedBy === undefined || formedBy === rule) return [];
      const path = posix.relative(config.root, recordPath(config, source));
      return [
        {
          code: 'groups-kept',
          severity: 'warning',
          message:
            `The groups "${kind.name}" of source "${source.name}" were formed by "${formedBy}" and stay ` +
            `as they are; "${rule}" is only for files that are new.`,
          at: source.at,
          hint:
            `to form them anew, delete ${path}: then whatever is made for each ${kind.name} ` +
            'of other files is made again',
        },
      ];
    });
  });
}

/** As in the pipeline file. */
function describeRule({ of, files, atLeastBytes }: ComputedGroups): string {
  const size = files === undefined ? `at_least: ${atLeastBytes}` : `files: ${files}`;
  return of === undefined ? size : `of: ${of}, ${size}`;
}

function recordPath({ work }: Config, { name }: SourceConfig): string {
  return posix.join(work, 'state', `@source-${name}.groups.json`);
}
