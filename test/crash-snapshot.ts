// All that must be the same after a run that was disturbed as after one that was not: what is on
// the Hub at the heads, byte for byte; every file of the work folder that is a result, byte for
// byte; the names of all others; and what the journals say. One text a fact, so that a difference
// can be shown.
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CommitStore } from '../src/hub/server/commit-store.ts';
import { ContentStore } from '../src/hub/server/content-store.ts';
import { filesBelow as filesOfTree } from '../src/hub/server/file-tree.ts';
import { filesBelow } from './crash-folder.ts';
import { readState } from './crash-journal.ts';

/** By what the fact is about. */
export type Snapshot = Readonly<Record<string, string>>;

/** Digests of files by path in the work folder. */
export type Digests = Readonly<Record<string, string>>;

/** Made by targets in the middle of a run and freed at its end, or lists of these. */
const BY_TARGETS = /^(sample|data|flat|results|audit)\//;
/** Different in every run, or, on the Hub, garbage that no head refers to. */
const NAME_ONLY = /^state\//;
const NOT_LOOKED_AT = /^(logs|hub\/(repos|lfs|blobs|@lock|server.json))(\/|$)/;

export async function takeSnapshot(work: string): Promise<Snapshot> {
  const facts: Record<string, string> = {};
  for (const path of filesBelow(work)) {
    if (NOT_LOOKED_AT.test(path)) continue;
    const isOwn = NAME_ONLY.test(path) || path.startsWith('hub/');
    facts[`file ${path}`] = isOwn ? 'there' : digestOf(join(work, path));
  }
  for (const [path, digest] of await hubContents(join(work, 'hub'))) facts[`hub ${path}`] = digest;
  const state = readState(work);
  for (const { journal, target, status, result } of state.targets) {
    // Whether a trace was looked at again says nothing about it.
    const isDone = status === 'verified' ? 'done' : status;
    facts[`target ${target} of ${journal}`] = `${isDone} ${result}`;
  }
  for (const [journal, step] of state.steps) facts[`step of ${journal}`] = String(step);
  facts['torn journals'] = String(state.tornJournals);
  facts['runs without an end'] = String(state.unendedRuns);
  return facts;
}

/** A line for each fact that is not what it should be. */
export function compareSnapshots(found: Snapshot, wanted: Snapshot): readonly string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  return [...names].sort().flatMap((name) => {
    const [is, should] = [found[name], wanted[name]];
    return is === should
      ? []
      : [`${name}: is ${is ?? 'missing'}, should be ${should ?? 'missing'}`];
  });
}

/** What targets have made so far. */
export function digestsOfResults(work: string): Digests {
  const paths = filesBelow(work).filter((path) => BY_TARGETS.test(path));
  const digests = paths.map((path) => [path, digestOf(join(work, path))]);
  return Object.fromEntries(digests);
}

/** Files under final names that are not whole, or that nobody should have made. */
export function findHalfFiles(work: string, whole: Digests): readonly string[] {
  return Object.entries(digestsOfResults(work))
    .filter(([path, digest]) => !path.endsWith('.next') && whole[path] !== digest)
    .map(([path]) => `${path} is not whole`);
}

/** Targets that are recorded as done although what they made is not there. */
export function findEmptyTraces(work: string): readonly string[] {
  return readState(work)
    .targets.filter(({ status }) => status === 'done' || status === 'verified')
    .flatMap(({ target, journal, artifacts }) =>
      artifacts
        .filter(({ path, bytes }) => {
          const stat = statSync(join(work, path), { throwIfNoEntry: false });
          return stat?.size !== bytes;
        })
        .map(({ path }) => `${target} of ${journal} has a trace, but not ${path}`),
    );
}

/** Records name the commit and the Hub they were published to, which no two runs share. */
function digestOf(path: string): string {
  const bytes = readFileSync(path);
  if (!path.endsWith('.json')) return hash('sha256', bytes);
  return bytes.toString('utf8').replace(/"(hub|commit)": "[0-9a-f]+"/g, '"$1"');
}

/** sha256 of every file at the head of every dataset, of the bytes that lie there. */
async function hubContents(folder: string): Promise<ReadonlyMap<string, string>> {
  const contents = new ContentStore({ folder, temporaryFolder: folder });
  const found = new Map<string, string>();
  for (const repo of repositoriesIn(join(folder, 'repos/datasets'))) {
    const place = join(folder, 'repos/datasets', repo);
    const head = readFileSync(join(place, 'refs/main'), 'utf8');
    const tree = await new CommitStore({ folder: place, temporaryFolder: folder }).treeAt(head);
    for (const { path, file } of filesOfTree(tree, '')) {
      const { sha256, oid } = file;
      const at = sha256 === undefined ? contents.regularPath(oid) : contents.largePath(sha256);
      found.set(`${repo}/${path}`, hash('sha256', readFileSync(at)));
    }
  }
  return found;
}

function repositoriesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((owner) =>
    readdirSync(join(folder, owner)).map((name) => `${owner}/${name}`),
  );
}
