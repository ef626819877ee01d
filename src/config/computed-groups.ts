// Reads `groups` of a source: kinds of group that are formed from the listing, by size or number.

import { didYouMeanOneOf } from '../suggestion.ts';
import type { ComputedGroups, NamePattern } from './config.ts';
import { type Entry, entriesOf, entryOf, textOf } from './document.ts';
import { parseSize } from './quantity.ts';
import { builtInVariables } from './scope.ts';
import { readNumber } from './settings.ts';
import type { Site } from './site.ts';
import type { PipelineVariables } from './variables.ts';

interface Surroundings {
  readonly site: Site;
  readonly variables: PipelineVariables;
  /** Undefined after a mistake in it. */
  readonly pattern: NamePattern | undefined;
}

export function readGroups(
  entry: Entry | undefined,
  surroundings: Surroundings,
): readonly ComputedGroups[] {
  return entriesOf(entry?.value).map(([name, group]) =>
    readGroup(name, { ...surroundings, group }),
  );
}

function readGroup(
  name: string,
  { site, variables, pattern, group }: Surroundings & { group: Entry },
): ComputedGroups {
  const { report } = site;
  const captures = pattern?.captures ?? [];
  const isTaken =
    captures.includes(name) || builtInVariables.has(name) || variables.places.has(name);
  if (isTaken || name === 'file') {
    const message = `The group "${name}" has the name of a capture or a variable.`;
    const hint = 'give it another name, such as "batch"';
    report({ code: 'reserved-name', severity: 'error', message, at: group.at, hint });
  }
  const ofText = textOf(entryOf(group.value, 'of')?.value);
  if (ofText !== undefined && pattern !== undefined && !captures.includes(ofText.value)) {
    const message = `The group "${name}" joins groups of "${ofText.value}", which is no capture.`;
    const hint = didYouMeanOneOf(ofText.value, captures);
    report({ code: 'unknown-group', severity: 'error', message, at: ofText.at, hint });
  }
  const size = entryOf(group.value, 'at_least')?.value;
  const atLeast = size?.kind === 'scalar' ? sizeOf(size.value) : undefined;
  const files = readNumber(entryOf(group.value, 'files')?.value);
  if ((atLeast === undefined) === (files === undefined)) {
    const message = `The group "${name}" needs either "at_least" or "files".`;
    const hint = 'such as "at_least: 8GB" or "files: 64"';
    report({ code: 'missing-key', severity: 'error', message, at: group.at, hint });
  }
  return { name, of: ofText?.value, atLeastBytes: atLeast ?? 0, files };
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? parseSize(value) : undefined;
}
