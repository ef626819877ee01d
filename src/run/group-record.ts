// Keeps the membership of computed groups (`state/@source-NAME.groups.json`). A group that was once
// formed never changes, whatever the source becomes, because outputs are cut by it.
import { posix } from 'node:path';
import type { Config, SourceConfig } from '../config/config.ts';
import type { FileSystem } from '../file-system.ts';
import type { GroupRecord } from '../plan/batch.ts';
import type { Catalog } from '../plan/catalog.ts';
import { StoreProblemError } from '../store/problem.ts';
import { groupsOf } from './source.ts';

type Groups = Readonly<Record<string, GroupRecord>>;

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
    const merged = Object.fromEntries(
      Object.entries(now).map(([kind, groups]) => [kind, { ...before[kind], ...groups }]),
    );
    const text = `${JSON.stringify(merged, null, 1)}\n`;
    if (text === `${JSON.stringify(before, null, 1)}\n`) continue;
    fs.makeFolder(posix.join(config.work, 'state'));
    fs.replace(recordPath(config, source), text);
  }
}

function recordPath({ work }: Config, { name }: SourceConfig): string {
  return posix.join(work, 'state', `@source-${name}.groups.json`);
}
