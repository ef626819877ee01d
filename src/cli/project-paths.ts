// Where a pipeline lies. A file of its own, because a look at what is done needs only this of the
// options, and loads nothing that it can do without.
import { posix, resolve } from 'node:path';

/** Absolute paths of the pipeline file, of its folder, and of the work folder of all profiles. */
export function projectPaths({
  file,
  work,
}: {
  readonly file: string;
  readonly work?: string | undefined;
}) {
  const path = resolve(file);
  const root = posix.dirname(path);
  return { path, root, work: work === undefined ? posix.join(root, 'work') : resolve(work) };
}
