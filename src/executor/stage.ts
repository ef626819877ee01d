// Where a target's outputs are staged, and what was found there once its rule has run. Final paths
// are only computed here; publishing is the run's.
import { type Dirent, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { basename, join, posix } from 'node:path';
import type { WrittenFile } from './copy.ts';
import type { OutputOrder, WorkOrder } from './executor.ts';
import { targetError } from './target-error.ts';

/** One file that will be published. */
export interface StagedOutput {
  readonly output: string;
  readonly staged: string;
  /** Final path relative to the work folder. */
  readonly path: string;
  /** Partition value, or the part of the path that the glob matched; '' for a single file. */
  readonly name: string | null;
  /** Partition value for the manifest. */
  readonly value: string | null;
  readonly rows: number | undefined;
  readonly minId: string | null;
  readonly maxId: string | null;
  readonly stat: Stats;
  /** Where it is known already. */
  readonly sha256?: string;
}

/** Makes what of the stage is needed, and gives the path of each output as the rule sees it. */
export function prepareStage(order: WorkOrder): ReadonlyMap<string, string> {
  const [first] = order.outputs;
  // Most small targets need no folder: its making and removal cost as much as all else they do.
  if (first === undefined) return new Map();
  if (order.sharedStage !== undefined) {
    return new Map([[first.name, join(order.sharedStage, basename(first.path))]]);
  }
  mkdirSync(order.stage, { recursive: true });
  const paths = new Map<string, string>();
  for (const output of order.outputs) {
    const isFolder = output.glob || output.partitionBy !== undefined;
    // A single file lies in the stage itself, so that a trivial target makes one folder only.
    const isAlone = order.outputs.length === 1 && !isFolder;
    const folder = isAlone ? order.stage : join(order.stage, output.name);
    // DuckDB makes the folder of a partitioned output itself.
    if (!isAlone && output.partitionBy === undefined) mkdirSync(folder);
    paths.set(output.name, isFolder ? folder : join(folder, basename(output.path)));
  }
  return paths;
}

/** A file or folder of the runner's own in the stage, beside the outputs. */
export function besideOutputs(order: WorkOrder, name: string): string {
  mkdirSync(order.stage, { recursive: true });
  return join(order.stage, `.${name}`);
}

export interface CollectRequest {
  readonly order: WorkOrder;
  readonly stagedPaths: ReadonlyMap<string, string>;
  /** What COPY wrote, by output; such outputs are not looked for. */
  readonly written: ReadonlyMap<string, readonly WrittenFile[]>;
}

/** Every file to publish, ordered by path. Throws `output-missing`. */
export function collectOutputs(request: CollectRequest): readonly StagedOutput[] {
  const { order, stagedPaths, written } = request;
  const found: StagedOutput[] = [];
  for (const output of order.outputs) {
    const staged = stagedPaths.get(output.name) ?? '';
    const files = written.get(output.name);
    if (files !== undefined) found.push(...files.map((file) => fromCopy(output, file)));
    else if (output.glob) found.push(...matchingFiles(output, staged));
    else found.push(singleFile(output, { staged, order }));
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function fromCopy(output: OutputOrder, file: WrittenFile): StagedOutput {
  const value = file.value;
  return {
    output: output.name,
    staged: file.staged,
    path: file.path,
    name: value === undefined ? '' : value,
    value: value ?? null,
    rows: file.rows,
    minId: file.minId,
    maxId: file.maxId,
    stat: lstatSync(file.staged),
    ...(file.sha256 === undefined ? {} : { sha256: file.sha256 }),
  };
}

const NOT_COUNTED = { value: null, rows: undefined, minId: null, maxId: null };

function singleFile(
  output: OutputOrder,
  { staged, order }: { readonly staged: string; readonly order: WorkOrder },
): StagedOutput {
  const stat = lstatSync(staged, { throwIfNoEntry: false });
  if (stat?.isFile()) {
    return { output: output.name, staged, path: output.path, name: '', stat, ...NOT_COUNTED };
  }
  const found = filesBelow(order.stage).filter((path) => !path.startsWith('.'));
  const what =
    stat === undefined
      ? 'was not made'
      : stat.isDirectory()
        ? 'is a folder, not a file'
        : 'is not a regular file';
  const place = `it should have been written to ${staged}`;
  const seen = found.length === 0 ? 'the stage is empty' : `the stage holds ${few(found)}`;
  // In a shared folder the files of other targets would be shown.
  const detail = order.sharedStage === undefined ? `${place}\n${seen}` : place;
  throw targetError('output-missing', `The output "${output.name}" (${output.path}) ${what}`, {
    detail,
    hint: stat?.isDirectory()
      ? 'for several files, give the output a path with a * in it'
      : order.rule.kind === 'run'
        ? 'write to {output}; the command runs in the folder of the pipeline file'
        : 'write to outputs.NAME.path',
  });
}

function few(paths: readonly string[]): string {
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : '';
  return paths.slice(0, 5).join(', ') + more;
}

/** The folder before the first segment with a glob, and the pattern below it. */
export function splitGlob(path: string): { readonly folder: string; readonly pattern: string } {
  const segments = path.split('/');
  const first = segments.findIndex((segment) => /[*?[{]/.test(segment));
  const at = first < 0 ? segments.length - 1 : first;
  return { folder: segments.slice(0, at).join('/'), pattern: segments.slice(at).join('/') };
}

function matchingFiles(output: OutputOrder, staged: string): readonly StagedOutput[] {
  const { folder, pattern } = splitGlob(output.path);
  return filesBelow(staged)
    .filter((name) => posix.matchesGlob(name, pattern))
    .map((name) => ({
      output: output.name,
      staged: join(staged, name),
      path: posix.join(folder, name),
      name,
      stat: lstatSync(join(staged, name)),
      ...NOT_COUNTED,
    }));
}

/** Regular files below a folder, relative, `/` between segments. Links are not followed. */
function filesBelow(folder: string): readonly string[] {
  const names: string[] = [];
  const visit = (relative: string) => {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(folder, relative), { withFileTypes: true });
    } catch {
      return; // The rule removed the folder that was made for it: there is nothing in it.
    }
    for (const entry of entries) {
      const name = posix.join(relative, entry.name);
      if (entry.isDirectory()) visit(name);
      else if (entry.isFile()) names.push(name);
    }
  };
  visit('');
  return names.sort();
}
