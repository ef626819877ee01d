// Which name a file that was made before has within its output, and whether it is one of it at all:
// what a record from elsewhere lists must lie where the output would put it now.
import { matchesPath } from '../glob.ts';
import { isUnsafePath } from '../hub/listing.ts';
import type { OutputOrder } from './executor.ts';
import { splitGlob } from './stage.ts';

/** A file's name within its output (see `StagedOutput`); undefined for one that is none of it. */
export function nameOf(
  { workPath, value }: { readonly workPath: string; readonly value: string | null },
  { path, glob, partitionBy }: OutputOrder,
): string | null | undefined {
  const isFolder = glob || partitionBy !== undefined;
  if (!isFolder) return workPath === path ? '' : undefined;
  const isOwn = matchesPath(path.replaceAll('{value}', '*'), workPath) && !isUnsafePath(workPath);
  if (!isOwn) return undefined;
  return partitionBy !== undefined ? value : workPath.slice(splitGlob(path).folder.length + 1);
}
