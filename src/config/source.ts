// Reads `sources`: which files, how their names are taken apart, and what makes them if they are
// the pipeline's own. Nothing is listed here.
import type { Location } from '../diagnostic.ts';
import { staticFolder } from '../glob.ts';
import { readGroups } from './computed-groups.ts';
import type {
  ComputedGroups,
  HubConfig,
  HubSourceConfig,
  LocalSourceConfig,
  NamePattern,
  SourceConfig,
} from './config.ts';
import {
  type Entry,
  entriesOf,
  entryOf,
  locateIn,
  type MapNode,
  type Node,
  type TextNode,
  textOf,
} from './document.ts';
import { isOwn, readDataset, readHub, readSeed } from './hub.ts';
import { anyName, readNamePattern } from './name-pattern.ts';
import { builtInVariables, readText } from './scope.ts';
import { absolutePath, type Site } from './site.ts';
import { parseTemplate } from './template.ts';
import type { PipelineVariables } from './variables.ts';

/** A source as far as it could be read. */
export interface ReadSource {
  readonly name: string;
  readonly at: Location;
  /** Undefined after a mistake in the name pattern: the captures are not known. */
  readonly captures: readonly string[] | undefined;
  /** Those among them that every file brings as variables: the captures of its name. */
  readonly nameCaptures: readonly string[];
  /** Undefined after any mistake. */
  readonly config: SourceConfig | undefined;
}

interface Surroundings {
  readonly site: Site;
  readonly variables: PipelineVariables;
  /** The pipeline's Hub; undefined without one, or after a mistake in it. */
  readonly hub: HubConfig | undefined;
  readonly hasHub: boolean;
}

export function readSources(root: MapNode, surroundings: Surroundings): readonly ReadSource[] {
  const entries = entriesOf(entryOf(root, 'sources')?.value);
  return entries.map(([name, entry]) => readSource(name, { ...surroundings, entry }));
}

function readSource(name: string, surroundings: Surroundings & { entry: Entry }): ReadSource {
  const { entry, site, variables } = surroundings;
  const { at, value } = entry;
  const glob = textOf(entryOf(value, 'files')?.value);
  const relative =
    glob === undefined
      ? undefined
      : readText(glob, { scope: variables.scope, report: site.report });
  if (glob !== undefined && relative !== undefined) checkGlob(glob, { relative, site });
  const nameEntry = entryOf(value, 'name');
  const nameNode = textOf(nameEntry?.value);
  const pattern = nameEntry === undefined ? anyName : readPattern(nameNode, { ...surroundings });
  const groups = readGroups(entryOf(value, 'groups'), { ...surroundings, pattern });
  const nameCaptures = pattern?.captures ?? [];
  const captures = pattern && [...pattern.captures, ...groups.map((group) => group.name)];
  if (relative === undefined || pattern === undefined) {
    return { name, at, captures, nameCaptures, config: undefined };
  }
  const exclude = readExclude(value);
  const base = { name, at, pattern, groups, exclude, files: relative };
  const isHub = entryOf(value, 'dataset') !== undefined;
  const config = isHub ? readHubSource(base, surroundings) : readLocalSource(base, surroundings);
  return { name, at, captures, nameCaptures, config };
}

/** Files by key, as in the names of targets; whether there are such files is seen when listing. */
function readExclude(source: Node | undefined): SourceConfig['exclude'] {
  const entries = entriesOf(entryOf(source, 'exclude')?.value);
  return Object.fromEntries(
    entries.map(([key, { at, value }]) => [key, { reason: textOf(value)?.value ?? '', at }]),
  );
}

interface Base {
  readonly name: string;
  readonly at: Location;
  readonly pattern: NamePattern;
  readonly groups: readonly ComputedGroups[];
  readonly exclude: SourceConfig['exclude'];
  /** As written, variables put in. */
  readonly files: string;
}

function readLocalSource(
  base: Base,
  surroundings: Surroundings & { entry: Entry },
): LocalSourceConfig | undefined {
  const { entry, site } = surroundings;
  const files = absolutePath(site, base.files);
  for (const key of ['revision', 'hub']) {
    const misplaced = entryOf(entry.value, key);
    if (misplaced === undefined) continue;
    const message = `The source "${base.name}" has "${key}", but its files are local.`;
    const hint = 'add "dataset: owner/name", or take it away';
    site.report({ code: 'wrong-value', severity: 'error', message, at: misplaced.at, hint });
  }
  const seedEntry = entryOf(entry.value, 'seed');
  const seed = readSeed(seedEntry?.value, surroundings);
  if (seedEntry !== undefined && seed === undefined) return undefined;
  const isMade = isOwn(staticFolder(files), site);
  return { ...base, kind: 'local', files, seed: isMade ? seed : undefined };
}

function readHubSource(
  base: Base,
  surroundings: Surroundings & { entry: Entry },
): HubSourceConfig | undefined {
  const { entry, site, hub: pipelineHub } = surroundings;
  const hubEntry = entryOf(entry.value, 'hub');
  const hub = hubEntry === undefined ? pipelineHub : readHub(hubEntry, surroundings);
  const dataset = readDataset(entryOf(entry.value, 'dataset')?.value, surroundings);
  const revisionNode = textOf(entryOf(entry.value, 'revision')?.value);
  const revision =
    revisionNode === undefined
      ? 'main'
      : readText(revisionNode, { scope: surroundings.variables.scope, report: site.report });
  if (hub === undefined && hubEntry === undefined && !surroundings.hasHub) {
    const message = `The source "${base.name}" is a dataset, but the pipeline names no Hub.`;
    const hint = 'add "hub: {endpoint: https://huggingface.co}" at the top';
    site.report({ code: 'missing-key', severity: 'error', message, at: base.at, hint });
  }
  if (hub === undefined || dataset === undefined || revision === undefined) return undefined;
  return { ...base, kind: 'hub', hub, dataset, revision };
}

function checkGlob(node: TextNode, { relative, site }: { relative: string; site: Site }): void {
  const unknown = /[[\]{}]/.exec(relative)?.[0];
  if (unknown === undefined) return;
  const message = `A glob knows "*", "?" and "**", but not "${unknown}".`;
  const hint = 'name the files by a wider glob, and choose among them with "name"';
  site.report({ code: 'wrong-value', severity: 'error', message, at: node.at, hint });
}

function readPattern(
  node: TextNode | undefined,
  { site, variables }: Pick<Surroundings, 'site' | 'variables'>,
): NamePattern | undefined {
  if (node === undefined) return undefined;
  const pattern = readNamePattern(node, site.report);
  if (pattern === undefined) return undefined;
  for (const part of parseTemplate(node.value).parts) {
    if (part.kind === 'text') continue;
    const meaning = builtInVariables.get(part.name);
    const isVariable = variables.places.has(part.name);
    if (meaning === undefined && !isVariable) continue;
    const owner =
      meaning === undefined ? 'a variable of the pipeline' : `a built-in variable (${meaning})`;
    const message = `The capture "${part.name}" has the name of ${owner}.`;
    const at = locateIn(node, part);
    const hint = 'give one of them another name';
    site.report({ code: 'reserved-name', severity: 'error', message, at, hint });
  }
  return pattern;
}
