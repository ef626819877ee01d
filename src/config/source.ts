// Reads `sources`: which files, how their names are taken apart, and what makes them if they are
// the pipeline's own. Nothing is listed here.
import type { Location } from '../diagnostic.ts';
import { staticFolder } from '../glob.ts';
import type { NamePattern, SeedConfig, SourceConfig } from './config.ts';
import {
  type Entry,
  entriesOf,
  entryOf,
  locateIn,
  type MapNode,
  type TextNode,
  textOf,
} from './document.ts';
import { anyName, readNamePattern } from './name-pattern.ts';
import { readTaskRule } from './rule.ts';
import { builtInVariables, readTemplateRecord, readText } from './scope.ts';
import { absolutePath, pathWithin, type Site } from './site.ts';
import { parseTemplate } from './template.ts';
import type { PipelineVariables } from './variables.ts';

/** A source as far as it could be read. */
export interface ReadSource {
  readonly name: string;
  readonly at: Location;
  /** Undefined after a mistake in the name pattern: the captures are not known. */
  readonly captures: readonly string[] | undefined;
  /** Undefined after any mistake. */
  readonly config: SourceConfig | undefined;
}

interface Surroundings {
  readonly site: Site;
  readonly variables: PipelineVariables;
}

export function readSources(root: MapNode, surroundings: Surroundings): readonly ReadSource[] {
  const entries = entriesOf(entryOf(root, 'sources')?.value);
  return entries.map(([name, entry]) => readSource(name, { ...surroundings, entry }));
}

function readSource(
  name: string,
  { entry, site, variables }: Surroundings & { entry: Entry },
): ReadSource {
  const { at, value } = entry;
  const glob = textOf(entryOf(value, 'files')?.value);
  const relative =
    glob === undefined
      ? undefined
      : readText(glob, { scope: variables.scope, report: site.report });
  const files = relative === undefined ? undefined : absolutePath(site, relative);
  if (glob !== undefined && relative !== undefined) checkGlob(glob, { relative, site });
  const nameEntry = entryOf(value, 'name');
  const nameNode = textOf(nameEntry?.value);
  const pattern = nameEntry === undefined ? anyName : readPattern(nameNode, { site, variables });
  const seedEntry = entryOf(value, 'seed');
  const seed = readSeed(seedEntry, { site, variables, source: name });
  const captures = pattern?.captures;
  if (files === undefined || pattern === undefined || (seedEntry !== undefined && !seed)) {
    return { name, at, captures, config: undefined };
  }
  // A seed never writes into a folder of the user's own.
  const isOwn = pathWithin(site.work, `${staticFolder(files)}/.`) !== undefined;
  const config = { name, at, files, pattern, seed: isOwn ? seed : undefined };
  return { name, at, captures, config };
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
  { site, variables }: Surroundings,
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

function readSeed(
  entry: Entry | undefined,
  { site, variables, source }: Surroundings & { source: string },
): SeedConfig | undefined {
  const { scope } = variables;
  const taskNode = textOf(entryOf(entry?.value, 'task')?.value);
  if (taskNode === undefined) return undefined;
  const owner = `Seed of source "${source}"`;
  const task = readTaskRule(taskNode, { site, scope, owner });
  const withEntry = entryOf(entry?.value, 'with');
  const values =
    withEntry === undefined
      ? {}
      : readTemplateRecord(withEntry.value, { scope, report: site.report });
  return task === undefined || values === undefined ? undefined : { task, with: values };
}
