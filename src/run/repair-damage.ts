// Looks again at what damaged journals prove: a result that is as recorded counts as proven, another
// one is made again; then nothing in the journal depends on the lines that were lost, and it can be
// written clean. Works on journals alone, whether or not the plan still knows their targets.
import { posix } from 'node:path';
import type { Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import type { JournalState, TargetState } from '../store/journal-state.ts';
import type { Entry } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../trace.ts';

export interface DamageContext {
  readonly store: Store;
  readonly fs: FileSystem;
  /** Absolute. */
  readonly work: string;
  readonly executor: () => Promise<Executor>;
  readonly signal: AbortSignal;
}

export interface DamagedJournal {
  readonly journal: string;
  readonly lines: readonly number[];
  /** By step and cell: whether the result is as recorded, and if not, what is wrong. */
  readonly results: readonly { readonly target: string; readonly wrong: string | undefined }[];
  /** What is to be recorded before the journal is written clean. */
  readonly entries: readonly Entry[];
}

/** `isWanted` says of which journals. */
export async function examineDamage(
  context: DamageContext,
  isWanted: (journal: string) => boolean,
): Promise<readonly DamagedJournal[]> {
  const damaged: DamagedJournal[] = [];
  for (const journal of context.store.journals()) {
    if (!isWanted(journal)) continue;
    context.signal.throwIfAborted();
    const state = context.store.load(journal);
    if (state.damagedLines.length === 0) continue;
    damaged.push(await examineJournal(journal, { state, context }));
  }
  return damaged;
}

/** Only after all entries of the journal are durable may what was lost be forgotten. */
export async function recordDamage(
  damaged: readonly DamagedJournal[],
  store: Store,
): Promise<void> {
  for (const { journal, entries } of damaged) {
    for (const entry of entries) store.append(journal, entry);
  }
  await store.flush();
  for (const { journal } of damaged) store.compact(journal, { isSettled: true });
}

async function examineJournal(
  journal: string,
  { state, context }: { readonly state: JournalState; readonly context: DamageContext },
): Promise<DamagedJournal> {
  const results: DamagedJournal['results'][number][] = [];
  const entries: Entry[] = [];
  for (const [target, recorded] of state.targets) {
    const { trace, traceId, attempt, released, proven } = recorded;
    // What was freed is not there to be looked at, and nobody reads it but by its record.
    if (trace === undefined || traceId === undefined || released !== undefined || proven) continue;
    const wrong = await wrongOf(trace, context);
    results.push({ target, wrong });
    const head = { target, step: state.step ?? 0 };
    if (wrong === undefined) {
      const mtimes = { artifacts: mtimesOf(trace, context) };
      entries.push({ ...head, attempt, status: 'verified', of: traceId, mtimes });
    } else {
      entries.push(...voidTrace(head, { recorded, wrong }));
    }
  }
  return { journal, lines: state.damagedLines, results, entries };
}

function voidTrace(
  head: { readonly target: string; readonly step: number },
  { recorded, wrong }: { readonly recorded: TargetState; readonly wrong: string },
): readonly Entry[] {
  const attempt = recorded.attempt + 1;
  const failure = { code: 'found-damaged', message: wrong, mayPass: false } as const;
  return [
    { ...head, attempt, status: 'started', previous: recorded.previous },
    { ...head, attempt, status: 'failed', failure, log: '' },
  ];
}

async function wrongOf(
  { artifacts, manifest }: Trace,
  { work, executor }: DamageContext,
): Promise<string | undefined> {
  const files = artifacts.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  const answer = await (await executor()).ask({ kind: 'verify', work, files, manifest });
  if (answer.kind !== 'verified') return 'its outputs cannot be read';
  if (answer.wrong === undefined) return undefined;
  const { path, problem } = answer.wrong;
  return problem === 'missing'
    ? `output ${path} is missing`
    : `output ${path} is not as it was made`;
}

function mtimesOf(
  { artifacts, manifest }: Trace,
  { fs, work }: DamageContext,
): Readonly<Record<string, number>> {
  const files = [...artifacts, ...(manifest === undefined ? [] : [manifest])];
  return Object.fromEntries(
    files.map(({ path }) => [path, fs.stat(posix.join(work, path))?.mtimeMs ?? 0]),
  );
}
