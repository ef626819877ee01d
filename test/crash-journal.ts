// What the journals of a work folder say, read from outside: JSON lines, the last of each target.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './crash-folder.ts';

export interface RecordedTarget {
  /** The file or group of the journal: `chunk_0-00000-of-00002`, `@chunk=0`. */
  readonly journal: string;
  /** `process:labels` */
  readonly target: string;
  readonly step: string;
  /** Of the last line about the target. */
  readonly status: string;
  /** As JSON, what the last trace says of the result; undefined where there never was one. */
  readonly result: string | undefined;
  /** What the last trace says that there is, by path in the work folder. */
  readonly artifacts: readonly Artifact[];
}

export interface Artifact {
  readonly path: string;
  readonly bytes: number;
}

export interface RecordedState {
  readonly targets: readonly RecordedTarget[];
  /** How far each file and group is, by the last line of its journal. */
  readonly steps: ReadonlyMap<string, number>;
  readonly tornJournals: number;
  /** Runs that neither ended nor were recovered. */
  readonly unendedRuns: number;
}

interface Line {
  readonly target: string;
  readonly status: string;
  readonly step: number;
  readonly run: string;
  readonly trace?: Readonly<Record<string, unknown>> & {
    readonly artifacts: readonly Artifact[];
    readonly manifest?: Artifact;
  };
}

/** Steps whose results name a commit and a Hub, which no two folders have in common. */
const WITH_COMMIT = ['push', 'post_check'];

export function readState(work: string): RecordedState {
  const state = join(work, 'state');
  const targets: RecordedTarget[] = [];
  const steps = new Map<string, number>();
  let tornJournals = 0;
  for (const name of filesBelow(state).filter((found) => found.endsWith('.jsonl'))) {
    if (/^@(runs|source)/.test(name)) continue;
    const { lines, isTorn } = readLines(join(state, name));
    if (isTorn) tornJournals += 1;
    const journal = name.slice(0, -'.jsonl'.length);
    targets.push(...targetsOf(journal, lines));
    const last = lines.at(-1);
    if (last !== undefined) steps.set(journal, last.step);
  }
  return { targets, steps, tornJournals, unendedRuns: countUnended(join(state, '@runs.jsonl')) };
}

function targetsOf(journal: string, lines: readonly Line[]): readonly RecordedTarget[] {
  const found = new Map<string, RecordedTarget>();
  for (const { target, status, trace } of lines) {
    if (target === '' || status === 'note') continue;
    const step = target.replace(/:.*/, '');
    const before = found.get(target);
    const result = trace === undefined ? before?.result : resultOf(step, trace);
    const artifacts = trace === undefined ? (before?.artifacts ?? []) : artifactsOf(trace);
    found.set(target, { journal, target, step, status, result, artifacts });
  }
  return [...found.values()];
}

function artifactsOf({ artifacts, manifest }: NonNullable<Line['trace']>): readonly Artifact[] {
  return manifest === undefined ? artifacts : [...artifacts, manifest];
}

function resultOf(step: string, trace: NonNullable<Line['trace']>): string {
  const { rows, rejects, account, digest, fields } = trace;
  const own = WITH_COMMIT.includes(step) ? {} : { digest, fields };
  return JSON.stringify({ rows, rejects, account, ...own });
}

function readLines(path: string): { lines: readonly Line[]; isTorn: boolean } {
  if (!existsSync(path)) return { lines: [], isTorn: false };
  const texts = readFileSync(path, 'utf8').split('\n');
  const tail = texts.pop();
  const lines = texts.flatMap((text): Line[] => {
    try {
      return [JSON.parse(text)];
    } catch {
      return []; // A tail that was torn, and closed by a line feed.
    }
  });
  return { lines, isTorn: tail !== '' || lines.length < texts.length };
}

function countUnended(path: string): number {
  const open = new Set<string>();
  for (const { run, status } of readLines(path).lines) {
    if (status === 'run-started') open.add(run);
    else open.delete(run);
  }
  return open.size;
}
