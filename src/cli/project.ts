// Opens a pipeline for any command: reads the file, lists the sources, makes the plan. What is
// wrong comes back as laid-out text; nothing is printed here.
import { posix, resolve } from 'node:path';
import type { Config, SourceConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { type Diagnostic, formatDiagnostic } from '../diagnostic.ts';
import type { FileSystem } from '../file-system.ts';
import { nodeFileSystem } from '../node-file-system.ts';
import { findCollisions } from '../plan/collision.ts';
import { checkDatasets } from '../plan/dataset-forecast.ts';
import { type Graph, makeGraph } from '../plan/graph.ts';
import { makePlan } from '../plan/plan.ts';
import { findKeptGroups, readGroups, recordGroups } from '../run/group-record.ts';
import { type ObserveOptions, observeSources } from '../run/source.ts';
import type { Belonging } from '../store/belonging.ts';
import { didYouMean } from '../suggestion.ts';
import type { ProjectOptions } from './options.ts';
import { projectPaths } from './project-paths.ts';
import { UsageError } from './usage-error.ts';

export interface Project {
  readonly config: Config;
  /** Warnings, laid out; errors throw. */
  readonly warnings: readonly string[];
  readonly format: (diagnostics: readonly Diagnostic[]) => string;
}

/** Throws a UsageError with every mistake of the pipeline file. */
export function openProject(options: ProjectOptions, fs: FileSystem = nodeFileSystem): Project {
  const { path, root, work } = projectPaths(options);
  const readText = (file: string) => readTextFile(fs, file);
  const text = readText(path);
  if (text === undefined) {
    throw new UsageError(noPipeline(options.file, fs));
  }
  const texts = new Map([[options.file, text]]);
  const { config, diagnostics } = parseConfig({
    text,
    file: options.file,
    root,
    work,
    profile: options.profile,
    set: options.set,
    readFile: readText,
  });
  const textOf = ({ at }: Diagnostic) => {
    if (at === undefined) return undefined;
    const known = texts.get(at.file) ?? readText(resolve(at.file));
    if (known !== undefined) texts.set(at.file, known);
    return known;
  };
  const format = (found: readonly Diagnostic[]) =>
    found.map((diagnostic) => formatDiagnostic(diagnostic, textOf(diagnostic))).join('\n');
  if (config === undefined) throw new UsageError(format(diagnostics));
  return { config, warnings: diagnostics.length === 0 ? [] : [format(diagnostics)], format };
}

function noPipeline(file: string, fs: FileSystem): string {
  const path = resolve(file);
  const names = fs.list(posix.dirname(path)) ?? [];
  const near = didYouMean(
    posix.basename(path),
    names.filter((name) => /\.ya?ml$/.test(name)),
  );
  return [
    `error: There is no ${file} here`,
    ...(near === undefined ? [] : [`  ${near}`]),
    '  run in the folder of the pipeline, name it with -f FILE, or begin one with pnpm pipeline init',
  ].join('\n');
}

/** Lists the sources and plans; throws a UsageError with every mistake that this brings to light. */
export function planProject(
  project: Project,
  options: Omit<ObserveOptions, 'groups'> & { readonly isOwner?: boolean },
): Graph {
  const { config } = project;
  const { fs } = options;
  const groups = (source: SourceConfig) => readGroups(source, { config, fs });
  const observed = observeSources(config, { ...options, groups });
  if (observed.diagnostics.length > 0) throw new UsageError(project.format(observed.diagnostics));
  const { plan, diagnostics } = makePlan(config, observed.catalog);
  const collisions = plan === undefined ? [] : findCollisions(plan);
  const excesses = plan === undefined ? [] : checkDatasets(plan);
  const mistakes = [...diagnostics, ...collisions, ...excesses];
  if (plan === undefined || mistakes.length > 0) throw new UsageError(project.format(mistakes));
  // Only now: groups are recorded once, and a mistake is corrected before they are.
  if (options.isOwner === true) recordGroups(observed.catalog, { config, fs });
  return makeGraph(plan);
}

/** What the pipeline says and the work folder does otherwise, on purpose: laid out, or nothing. */
export function keptGroups({ config, format }: Project, fs: FileSystem): string {
  const kept = findKeptGroups({ config, fs });
  return kept.length === 0 ? '' : `${format(kept)}\n`;
}

/** What the work folder remembers, so that it is not used for something else. */
export function belongingOf({ name, root, work, sources }: Config): Belonging {
  const show = (path: string) =>
    `${path}/`.replace(`${work}/`, '{work}/').replace(`${root}/`, '').slice(0, -1);
  const identity = (source: SourceConfig) => {
    if (source.kind === 'local') return show(source.files);
    const { endpoint, seed } = source.hub;
    // An embedded Hub with other seed files is another Hub to the source.
    const hub = endpoint ?? (seed === undefined ? 'embedded' : `embedded ${show(seed.folder)}`);
    return `${hub} ${source.dataset} ${source.files}`;
  };
  return {
    pipeline: name,
    sources: Object.fromEntries(sources.map((source) => [source.name, identity(source)])),
  };
}

export function stateFolder(config: Config): string {
  return posix.join(config.work, 'state');
}

/** Undefined for what is not there or cannot be read: whoever needs it says so. */
function readTextFile(fs: FileSystem, path: string): string | undefined {
  try {
    const content = fs.read(path);
    return content === undefined ? undefined : new TextDecoder().decode(content);
  } catch {
    return undefined;
  }
}
