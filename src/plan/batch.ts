// Forms computed groups of files: whole groups of another kind joined until they are large enough,
// or so many files each. Decided once and recorded: a file that has a group keeps it, and files
// that came later form groups of their own.
import type { ComputedGroups } from '../config/config.ts';
import type { SourceFile } from './catalog.ts';

/** The group of each file, by the file's key. */
export type GroupRecord = Readonly<Record<string, string>>;

/**
 * Gives every file its group: the recorded one, or one of new groups that are formed over the
 * files without one, in the order of the files. `files` are in natural order of their keys.
 */
export function formGroups(
  files: readonly SourceFile[],
  {
    kind,
    captures,
    recorded,
  }: {
    kind: ComputedGroups;
    captures: readonly string[];
    recorded: GroupRecord;
  },
): GroupRecord {
  const groups: Record<string, string> = {};
  const fresh: SourceFile[] = [];
  for (const file of files) {
    const known = recorded[file.key];
    if (known === undefined) fresh.push(file);
    else groups[file.key] = known;
  }
  let next = 1 + Math.max(-1, ...Object.values(recorded).map(Number).filter(Number.isInteger));
  for (const members of joinFiles(fresh, { kind, captures })) {
    for (const { key } of members) groups[key] = String(next);
    next += 1;
  }
  return groups;
}

function joinFiles(
  files: readonly SourceFile[],
  { kind, captures }: { kind: ComputedGroups; captures: readonly string[] },
): readonly (readonly SourceFile[])[] {
  const joined: SourceFile[][] = [];
  let open: SourceFile[] = [];
  let bytes = 0;
  for (const piece of piecesOf(files, captures.indexOf(kind.of ?? ''))) {
    open.push(...piece);
    bytes += piece.reduce((sum, file) => sum + file.bytes, 0);
    const isFull =
      kind.files === undefined ? bytes >= kind.atLeastBytes : open.length >= kind.files;
    if (!isFull) continue;
    joined.push(open);
    open = [];
    bytes = 0;
  }
  if (open.length > 0) joined.push(open);
  return joined;
}

/** What is never taken apart: the files of one group of the other kind, or single files. */
function piecesOf(
  files: readonly SourceFile[],
  capture: number,
): readonly (readonly SourceFile[])[] {
  if (capture < 0) return files.map((file) => [file]);
  const pieces = new Map<string, SourceFile[]>();
  for (const file of files) {
    const value = file.captures[capture] ?? '';
    const piece = pieces.get(value);
    if (piece === undefined) pieces.set(value, [file]);
    else piece.push(file);
  }
  return [...pieces.values()];
}
