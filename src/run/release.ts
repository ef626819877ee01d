// Carries out a releasing target: records of every target it frees that its files are released,
// then deletes them. The record comes first, because a file that is gone without one would be
// made again; a crash in between is finished by the next attempt, since deleting twice is harmless.
import { posix } from 'node:path';
import type { Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { digestText } from '../fingerprint.ts';
import { forEachReleased, type Graph } from '../plan/graph.ts';
import type { TargetId } from '../plan/plan.ts';
import type { Leftovers } from '../store/record.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../trace.ts';
import { listedPaths } from './listed-paths.ts';
import { pause } from './pause.ts';
import { removeFiles } from './publish.ts';
import type { Recorder } from './recorder.ts';

export interface ReleaseContext {
  readonly graph: Graph;
  readonly fs: FileSystem;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly executor: () => Promise<Executor>;
}

/** The digest of every releasing target: what it gives is always the same, nothing. */
export const RELEASED_DIGEST = digestText('released');

/** Gives the bytes freed. Journals, manifests, audits and rejects stay. */
export async function releaseFiles(id: TargetId, context: ReleaseContext): Promise<number> {
  const { graph, recorder, store, fs } = context;
  const { work } = graph.plan.config;
  const freed = releasedBy(graph, id).flatMap((target) => {
    const state = recorder.stateOf(target);
    return state?.trace === undefined ? [] : [{ target, state, files: filesOf(state.trace) }];
  });
  // Read before anything is recorded, and all at once: each look opens a database.
  const manifests = freed.flatMap(({ files }) => files.manifests);
  const inside = manifests.filter((path) => !posix.isAbsolute(path));
  const listed = await listedPaths(inside, { executor: context.executor, work });
  let bytesFreed = 0;
  for (const { target, state, files } of freed) {
    if (state.released !== undefined) continue;
    recorder.released(target, { attempt: state.attempt, ...files });
    bytesFreed += files.bytes;
  }
  await store.flush();
  const paths = freed.flatMap(({ files }) => files.paths);
  const doomed = [paths, listed].flat().filter(isReleasable);
  for (let at = 0; at < doomed.length; at += DELETED_AT_ONCE) {
    removeFiles(doomed.slice(at, at + DELETED_AT_ONCE), { fs, work });
    await pause();
  }
  return bytesFreed;
}

/** Lets signals and other targets have their turn between slices. */
const DELETED_AT_ONCE = 1000;

function releasedBy(graph: Graph, id: TargetId): readonly TargetId[] {
  const targets: TargetId[] = [];
  forEachReleased(graph, id, (target) => targets.push(target));
  return targets;
}

/** What a release frees of a result: its own files, those that its manifest lists, their bytes. */
export function filesOf({ artifacts, manifest }: Trace): Leftovers & { readonly bytes: number } {
  const own = artifacts.filter(({ output }) => output !== 'rejects');
  return {
    paths: own.map(({ path }) => path),
    manifests: manifest === undefined ? [] : [manifest.path],
    bytes: manifest?.totalBytes ?? artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What is kept for people and for later runs, whatever a manifest lists. */
function isReleasable(path: string): boolean {
  return !/^(audit|state|rejects|logs|hub)\//.test(path);
}
