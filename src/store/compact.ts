// Says which lines of a journal still count, so that one that has grown over many attempts can be
// rewritten with these alone, each byte for byte as it was: a line keeps its checksum, by which
// others name it, and their order keeps what was proven since which damage. Pure; the rewriting, in
// one step, is the store's.
import type { Journal } from './journal.ts';
import { parseRecord } from './journal.ts';
import { foldJournal } from './journal-state.ts';
import type { RecordedTarget } from './recorded-target.ts';

/** A smaller journal is read as fast as it could be rewritten. */
export const COMPACT_FROM_BYTES = 256 * 1024;

export interface CompactOptions {
  /** Step and cell of targets that nobody has any more. */
  readonly forget?: ReadonlySet<string>;
  /** Everything was verified or voided since: that lines were lost means nothing any more. */
  readonly isSettled?: boolean;
}

/** The text of the journal with the lines that count: it means the same state. */
export function compactJournal(journal: Journal, options: CompactOptions = {}): string {
  const { bytes, lines, damaged } = journal;
  // What was lost would be forgotten with the lines that say so.
  if (damaged.length > 0 && options.isSettled !== true) throw new Error('the journal is damaged');
  const kept = [...linesThatCount(journal, options)].sort((a, b) => a - b);
  return kept
    .map((index) => bytes.toString('utf8', lines[index]?.start, (lines[index]?.end ?? -1) + 1))
    .join('');
}

/**
 * The journal's new text where it is large and half of it counts no more. What is damaged or not
 * this program's stays as it is, for `repair` to be decided.
 */
export function compactLarge(journal: Journal): string | undefined {
  const { bytes, damaged, torn, foreignStep } = journal;
  const isOwn = damaged.length === 0 && torn === undefined && foreignStep === undefined;
  if (bytes.length < COMPACT_FROM_BYTES || !isOwn) return undefined;
  const text = compactJournal(journal);
  return Buffer.byteLength(text) <= bytes.length / 2 ? text : undefined;
}

function linesThatCount(
  journal: Journal,
  { forget, isSettled = false }: CompactOptions,
): ReadonlySet<number> {
  const { lines } = journal;
  const kept = new Set<number>();
  const notes = new Map<string, number>();
  let cut = -1;
  for (const [index, { status, target }] of lines.entries()) {
    if (status === 'note') notes.set(target, index);
    if (status === 'cut') cut = index;
  }
  for (const index of notes.values()) kept.add(index);
  if (!isSettled && cut >= 0) kept.add(cut);
  // Whether a run ended cleanly decides nothing about which line says what.
  for (const [name, target] of foldJournal(journal, () => true).targets) {
    if (forget?.has(name) === true) continue;
    for (const index of linesOf(target, journal)) addWithParts(index, { journal, kept });
  }
  // The last line says how far the file is; that of a forgotten target does not any more.
  const last = lines.at(-1);
  if (last !== undefined && forget?.has(last.target) !== true && (!isSettled || last.target !== ''))
    addWithParts(lines.length - 1, { journal, kept });
  return kept;
}

function linesOf(target: RecordedTarget, journal: Journal): readonly number[] {
  const { last, trace, accepted, failure, checkpoint, released, voided } = target.lines;
  const resumable = target.checkpoint === undefined ? -1 : checkpoint;
  const single = [last, trace, accepted, failure, resumable].filter((index) => index >= 0);
  const attempts = new Set(single.map((index) => journal.lines[index]?.attempt));
  return [
    ...single,
    ...released,
    ...voided,
    ...verifiedThatCount(target, journal),
    ...startedThatCount(target, { journal, attempts }),
  ];
}

/** The last, which is the proof, and those before it with times that no later one has. */
function verifiedThatCount(target: RecordedTarget, journal: Journal): readonly number[] {
  const known = new Set<string>();
  return target.lines.verified.toReversed().filter((index, place) => {
    const record = parseRecord(journal, index);
    if (record?.status !== 'verified') return false;
    const { artifacts, outside = {} } = record.mtimes;
    const names = [
      ...Object.keys(artifacts).map((path) => `artifact ${path}`),
      ...Object.keys(outside).map((name) => `outside ${name}`),
    ];
    const isNeeded = place === 0 || names.some((name) => !known.has(name));
    for (const name of names) known.add(name);
    return isNeeded;
  });
}

/**
 * The first, which voids the trace; those that list leftovers of their own; and those of attempts
 * of which something else is kept, so that these do not seem to have begun without.
 */
function startedThatCount(
  target: RecordedTarget,
  {
    journal,
    attempts,
  }: { readonly journal: Journal; readonly attempts: ReadonlySet<number | undefined> },
): readonly number[] {
  const known = new Set<string>();
  return target.lines.started.filter((index, place) => {
    const record = parseRecord(journal, index);
    if (record?.status !== 'started') return place === 0;
    const { paths, manifests } = record.previous;
    const names = [
      ...paths.map((path) => `path ${path}`),
      ...manifests.map((path) => `manifest ${path}`),
    ];
    const isNeeded =
      place === 0 || attempts.has(record.attempt) || names.some((name) => !known.has(name));
    for (const name of names) known.add(name);
    return isNeeded;
  });
}

/** A large record lies in the lines just before its own, too. */
function addWithParts(
  index: number,
  { journal, kept }: { readonly journal: Journal; readonly kept: Set<number> },
): void {
  kept.add(index);
  const { target } = journal.lines[index] ?? {};
  for (let at = index - 1; at >= 0; at -= 1) {
    const line = journal.lines[at];
    if (line?.status !== 'part' || line.target !== target) return;
    kept.add(at);
  }
}
