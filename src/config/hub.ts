// Reads `hub`: which Hub is meant, and what the embedded one has from the start. Nothing is
// connected here, and no token is ever read from a pipeline file.
import { staticFolder } from '../glob.ts';
import type { HubConfig, HubSeedConfig, SeedConfig } from './config.ts';
import { type Entry, entryOf, type Node, textOf } from './document.ts';
import { readTaskRule } from './rule.ts';
import { readTemplateRecord, readText } from './scope.ts';
import { absolutePath, pathWithin, type Site } from './site.ts';
import type { PipelineVariables } from './variables.ts';

interface Surroundings {
  readonly site: Site;
  readonly variables: PipelineVariables;
}

/** Undefined without `hub`, or after a mistake. */
export function readHub(
  entry: Entry | undefined,
  surroundings: Surroundings,
): HubConfig | undefined {
  const node = entry?.value;
  if (entry === undefined || node?.kind !== 'map') return undefined;
  const endpointEntry = entryOf(node, 'endpoint');
  const embedded = entryOf(node, 'embedded');
  const { report } = surroundings.site;
  if ((endpointEntry === undefined) === (embedded === undefined)) {
    const both = endpointEntry !== undefined;
    const message = both
      ? 'A Hub is either at an "endpoint" or "embedded", not both.'
      : 'A Hub needs an "endpoint", or "embedded: {}" for one of the run\'s own.';
    const hint = both ? 'remove one (in a profile, set it to null)' : undefined;
    report({ code: 'wrong-value', severity: 'error', message, at: entry.at, hint });
    return undefined;
  }
  const endpoint = textOf(endpointEntry?.value)?.value.replace(/\/+$/, '');
  const seedEntry = entryOf(embedded?.value, 'seed');
  const seed = seedEntry === undefined ? undefined : readHubSeed(seedEntry, surroundings);
  if (seedEntry !== undefined && seed === undefined) return undefined;
  return {
    endpoint,
    seed,
    isPrivate: isTrue(entryOf(node, 'private')?.value),
    xet: textOf(entryOf(node, 'xet')?.value)?.value === 'off' ? 'off' : 'auto',
    tokenEnv: textOf(entryOf(node, 'token_env')?.value)?.value,
  };
}

/** The name of a dataset, `owner/name`; undefined after reporting. */
export function readDataset(
  node: Node | undefined,
  { site, variables }: Surroundings,
): string | undefined {
  const text = textOf(node);
  const name = text && readText(text, { scope: variables.scope, report: site.report });
  if (text === undefined || name === undefined) return undefined;
  if (isDatasetName(name)) return name;
  const message = `"${name}" is not the name of a dataset.`;
  const hint = 'write owner/name';
  site.report({ code: 'wrong-value', severity: 'error', message, at: text.at, hint });
  return undefined;
}

export function isDatasetName(name: string): boolean {
  return /^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(name) && !/(^|\/)\.+(\/|$)/.test(name);
}

function readHubSeed({ at, value }: Entry, surroundings: Surroundings): HubSeedConfig | undefined {
  const { site, variables } = surroundings;
  const read = { scope: variables.scope, report: site.report };
  const dataset = readDataset(entryOf(value, 'dataset')?.value, surroundings);
  const folderText = textOf(entryOf(value, 'folder')?.value);
  const folder = folderText && readText(folderText, read);
  const filesText = textOf(entryOf(value, 'files')?.value);
  const files = filesText && readText(filesText, read);
  const taskText = textOf(entryOf(value, 'task')?.value);
  const seed = taskText === undefined ? undefined : readSeed(value, surroundings);
  if (dataset === undefined || folder === undefined || files === undefined) return undefined;
  if (taskText !== undefined && seed === undefined) return undefined;
  const absolute = absolutePath(site, folder);
  return { dataset, folder: absolute, files, seed: isOwn(absolute, site) ? seed : undefined, at };
}

/** A task that makes files, with its parameters; undefined after reporting. */
export function readSeed(
  node: Node | undefined,
  { site, variables }: Surroundings,
): SeedConfig | undefined {
  const { scope } = variables;
  const taskNode = textOf(entryOf(node, 'task')?.value);
  if (taskNode === undefined) return undefined;
  const task = readTaskRule(taskNode, { site, scope, owner: 'A seed' });
  const withEntry = entryOf(node, 'with');
  const values =
    withEntry === undefined
      ? {}
      : readTemplateRecord(withEntry.value, { scope, report: site.report });
  return task === undefined || values === undefined ? undefined : { task, with: values };
}

/** A seed never writes into a folder of the user's own. */
export function isOwn(glob: string, site: Site): boolean {
  return pathWithin(site.work, `${staticFolder(`${glob}/*`)}/.`) !== undefined;
}

function isTrue(node: Node | undefined): boolean {
  return node?.kind === 'scalar' && node.value === true;
}
