// Finds what the runner made and no target of the plan has any more: results of files and groups that
// are in no source, of steps that were renamed or removed, of cells that were left out; and what
// attempts have left behind. Only what a journal or a manifest lists was made by the runner; whatever
// else lies in the work folder is somebody's own, is told, and stays.
import { posix } from 'node:path';
import type { Executor } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { isUnsafePath } from '../hub/listing.ts';
import type { Graph } from '../plan/graph.ts';
import { targetKey } from '../plan/plan.ts';
import type { JournalState, TargetState } from '../store/journal-state.ts';
import type { Store } from '../store/store.ts';
import { PathClaims } from './path-claims.ts';
import { memberOfJournal, recordedName } from './recorded-name.ts';

export interface OrphanContext {
  /** The plan's and those of its seeds: all whose targets are recorded in the folder. */
  readonly graphs: readonly Graph[];
  /** Absolute. */
  readonly work: string;
  readonly store: Store;
  readonly fs: FileSystem;
  readonly executor: () => Promise<Executor>;
  /** Absolute folders that belong to a source or its seed. */
  readonly sourceFolders: readonly string[];
}

export interface FileSize {
  /** Relative to the work folder. */
  readonly path: string;
  readonly bytes: number;
}

export interface OrphanTarget {
  readonly journal: string;
  /** Step and cell. */
  readonly key: string;
  readonly name: string;
  /** What lies there of it, its manifests last. */
  readonly files: readonly FileSize[];
  readonly bytes: number;
}

export interface Orphans {
  readonly targets: readonly OrphanTarget[];
  /** Journals that no member of the plan has: nothing in them is needed. */
  readonly journals: readonly string[];
  /** Folders that attempts kept for a next one that will not come. */
  readonly scratch: readonly FileSize[];
  /** Files that nobody knows. */
  readonly foreign: readonly FileSize[];
}

export async function findOrphans(context: OrphanContext): Promise<Orphans> {
  const { graphs, store } = context;
  const claims = new PathClaims(graphs);
  const planned = keysByJournal(graphs);
  const targets: OrphanTarget[] = [];
  const journals: string[] = [];
  for (const journal of store.journals()) {
    const state = store.load(journal);
    const keys = planned.get(journal);
    if (keys === undefined && isOwn(state)) journals.push(journal);
    // What is left of it could not be written anew before it is repaired.
    if (keys !== undefined && state.damagedLines.length > 0) continue;
    for (const [key, recorded] of state.targets) {
      if (keys?.has(key) === true) continue;
      const files = await filesOf({ journal, key, recorded }, { claims, context });
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      targets.push({ journal, key, name: recordedName(key, journal), files, bytes });
    }
  }
  targets.sort((a, b) => (a.name < b.name ? -1 : 1));
  const known = new Set(targets.flatMap(({ files }) => files.map(({ path }) => path)));
  const isKnown = (path: string) => known.has(path) || claims.has(path);
  const scratch = findScratch(context, planned);
  return { targets, journals, scratch, foreign: findForeign(context, isKnown) };
}

/** Only of another program, or unreadable, it stays. */
function isOwn({ targets, step, problem, foreignStep }: JournalState): boolean {
  const isOnlyNotes = step !== undefined && foreignStep === undefined;
  return problem === undefined && (targets.size > 0 || isOnlyNotes);
}

type Planned = ReadonlyMap<string, ReadonlySet<string>>;

/** Steps and cells that may be recorded in each journal. */
function keysByJournal(graphs: readonly Graph[]): Planned {
  const planned = new Map<string, Set<string>>();
  for (const { plan } of graphs) {
    for (const step of plan.steps) {
      const keys = Array.from({ length: step.cellCount }, (_, cell) => targetKey(step, cell));
      for (const journal of step.table.journals) {
        const known = planned.get(journal) ?? new Set();
        for (const key of keys) known.add(key);
        planned.set(journal, known);
      }
    }
  }
  return planned;
}

async function filesOf(
  target: { readonly journal: string; readonly key: string; readonly recorded: TargetState },
  { claims, context }: { readonly claims: PathClaims; readonly context: OrphanContext },
): Promise<readonly FileSize[]> {
  const { work, fs, executor } = context;
  const { paths, manifests } = target.recorded.previous;
  const lists = manifests.flatMap((path) => [path, `${path}.next`]);
  const present = lists.filter((path) => fs.stat(posix.join(work, path)) !== undefined);
  let listed: readonly string[] = [];
  if (present.length > 0) {
    const answer = await (await executor()).ask({ kind: 'list', work, manifests: present });
    if (answer.kind === 'listed') listed = answer.paths;
  }
  const member = memberOfJournal(target.journal);
  const folder = target.key.replaceAll(':', '/');
  const log = `logs/${member === '' ? folder : `${folder}/${member}`}.log`;
  // A list goes after what it lists: a crash in between must not lose it.
  const all = new Set([...paths, ...listed, log, ...lists]);
  for (const list of lists) {
    all.delete(list);
    all.add(list);
  }
  return [...all]
    .filter((path) => isDeletable(path) && !claims.has(path))
    .flatMap((path) => sizeOf(path, context));
}

/** State, and what others keep in the folder, is nobody's output. */
function isDeletable(path: string): boolean {
  return !isUnsafePath(path) && !/^(state|hub|tmp)(\/|$)/.test(path);
}

function sizeOf(path: string, { fs, work }: OrphanContext): readonly FileSize[] {
  const stat = fs.stat(posix.join(work, path));
  return stat?.kind === 'file' ? [{ path, bytes: stat.bytes }] : [];
}

/** A scratch folder is of use to an attempt that did not end, and to nobody else. */
function findScratch(context: OrphanContext, planned: Planned): readonly FileSize[] {
  const { work, fs, store } = context;
  const names = fs.list(posix.join(work, 'tmp/scratch')) ?? [];
  if (names.length === 0) return [];
  const unfinished = new Set<string>();
  for (const [journal, keys] of planned) {
    for (const [key, { trace }] of store.load(journal).targets) {
      if (keys.has(key) && trace === undefined) {
        unfinished.add(recordedName(key, journal).replaceAll('/', '%2F'));
      }
    }
  }
  return names
    .filter((name) => !unfinished.has(name))
    .map((name) => {
      const path = `tmp/scratch/${name}`;
      const bytes = filesBelow(path, context).reduce((sum, file) => sum + file.bytes, 0);
      return { path, bytes };
    });
}

/** The runner's own folders, in which nothing is an output. */
const OWN_FOLDERS: ReadonlySet<string> = new Set(['state', 'hub', 'tmp']);

function findForeign(
  context: OrphanContext,
  isKnown: (path: string) => boolean,
): readonly FileSize[] {
  const { work, fs, sourceFolders } = context;
  const isSource = (path: string) =>
    sourceFolders.some((folder) => `${posix.join(work, path)}/`.startsWith(`${folder}/`));
  return (fs.list(work) ?? [])
    .filter((name) => !OWN_FOLDERS.has(name))
    .flatMap((name) => filesBelow(name, context))
    .filter(({ path }) => !isKnown(path) && !isSource(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file itself, or all below a folder. */
function filesBelow(path: string, context: OrphanContext): readonly FileSize[] {
  const { work, fs } = context;
  const absolute = posix.join(work, path);
  const stat = fs.stat(absolute);
  if (stat?.kind === 'file') return [{ path, bytes: stat.bytes }];
  if (stat?.kind !== 'folder') return [];
  const names = fs.list(absolute) ?? [];
  return names.flatMap((name) => filesBelow(`${path}/${name}`, context));
}
