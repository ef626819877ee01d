// For commands that change what is recorded of targets: there is nothing to change, and no plan,
// before the files of every source were made or listed once.
import { unlistedSources } from './look.ts';
import { invocationOf, type RawOptions } from './options.ts';
import type { Project } from './project.ts';
import { UsageError } from './usage-error.ts';

/** Throws a UsageError that names the sources. */
export function refuseUnlisted(project: Project, raw: RawOptions): void {
  const unlisted = unlistedSources(project);
  if (unlisted.length === 0) return;
  throw new UsageError(
    `error: nothing was made here yet: the files of ${unlisted.join(', ')} are not listed\n` +
      `  run first: ${invocationOf(raw)}`,
  );
}
