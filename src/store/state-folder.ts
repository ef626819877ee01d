// The files under `state/`: which journals there are, where they lie, and whether the folder may
// be used by this pipeline at all. Reads only.
import type { FileSystem } from '../file-system.ts';
import { type Belonging, checkBelonging, newerFormat } from './belonging.ts';
import type { StoreProblem } from './problem.ts';
import { decodeRuns, type RunLog } from './run-log.ts';

export interface StateFolder {
  /** Absolute. */
  readonly path: string;
  readonly belonging: Belonging;
  /** The text of `@pipeline.json`. */
  readonly recorded: string | undefined;
  readonly runs: RunLog;
  readonly runsBytes: number;
  /** Names of the journals there were at the time of opening. */
  readonly journals: readonly string[];
}

const SUFFIX = '.jsonl';
/** Not journals of targets: the log of runs and the recorded listings of sources. */
const OTHER_RECORDS = /^@(runs|source-.*)$/;

export function observeStateFolder(
  fs: FileSystem,
  { folder, belonging }: { readonly folder: string; readonly belonging: Belonging },
): StateFolder | StoreProblem {
  const record = fs.read(pipelinePath(folder));
  const recorded = record === undefined ? undefined : Buffer.from(record).toString();
  const check =
    recorded === undefined
      ? belonging
      : checkBelonging(recorded, { now: belonging, file: 'state/@pipeline.json' });
  if ('code' in check) return check;
  const content = fs.read(runsPath(folder)) ?? new Uint8Array();
  const runs = decodeRuns(content);
  if (runs.newerVersion !== undefined) return newerFormat('state/@runs.jsonl', runs.newerVersion);
  const journals = listJournals(fs, folder);
  return { path: folder, belonging: check, recorded, runs, runsBytes: content.length, journals };
}

export function pipelinePath(folder: string): string {
  return `${folder}/@pipeline.json`;
}

export function runsPath(folder: string): string {
  return `${folder}/@runs${SUFFIX}`;
}

/** Throws a RangeError for a name that would leave the folder. */
export function journalPath(folder: string, journal: string): string {
  const segments = journal.split('/');
  const unsafe = ['', '.', '..'].some((segment) => segments.includes(segment));
  if (unsafe || journal.includes('\0')) throw new RangeError(`"${journal}" cannot name a journal`);
  return `${folder}/${journal}${SUFFIX}`;
}

/** The journals of a second source lie in a folder of its name. */
function listJournals(fs: FileSystem, folder: string, prefix = ''): readonly string[] {
  const journals: string[] = [];
  for (const entry of fs.list(folder) ?? []) {
    if (entry.endsWith(SUFFIX)) {
      const name = prefix + entry.slice(0, -SUFFIX.length);
      if (!OTHER_RECORDS.test(name)) journals.push(name);
    } else if (!entry.startsWith('@') && fs.stat(`${folder}/${entry}`)?.kind === 'folder') {
      journals.push(...listJournals(fs, `${folder}/${entry}`, `${prefix}${entry}/`));
    }
  }
  return journals;
}
