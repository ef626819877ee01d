// Reads what a step runs for (once, each file, each group of files), finds the source that is
// meant, and says which variables such a member brings.
import type { Location } from '../diagnostic.ts';
import { didYouMeanOneOf } from '../suggestion.ts';
import type { Each } from './config.ts';
import { entryOf, type Node, type Report, textOf } from './document.ts';
import type { ReadSource } from './source.ts';

export interface EachSurroundings {
  readonly step: string;
  readonly sources: readonly ReadSource[];
  /** What the needed steps run for; undefined for one with a mistake. */
  readonly needed: readonly (Each | undefined)[];
  readonly report: Report;
}

/** Undefined after a mistake, also one that the schema has reported. */
export function readEach(stepNode: Node, surroundings: EachSurroundings): Each | undefined {
  const { step, sources, report } = surroundings;
  const eachEntry = entryOf(stepNode, 'each');
  const fromEntry = entryOf(stepNode, 'from');
  const from = textOf(fromEntry?.value);
  if (from !== undefined && !sources.some((source) => source.name === from.value)) {
    const message = `Step "${step}" runs for the files of "${from.value}", which is no source.`;
    const hint = didYouMeanOneOf(
      from.value,
      sources.map((source) => source.name),
    );
    report({ code: 'unknown-source', severity: 'error', message, at: from.at, hint });
    return undefined;
  }
  if (eachEntry === undefined) {
    if (fromEntry === undefined) return { kind: 'once' };
    const reason = '"from" says nothing without "each"';
    const message = `Step "${step}" names a source but runs once: ${reason}.`;
    report({
      code: 'wrong-value',
      severity: 'error',
      message,
      at: fromEntry.at,
      hint: 'add "each: file"',
    });
    return undefined;
  }
  const each = textOf(eachEntry.value);
  if (each === undefined || (fromEntry !== undefined && from === undefined)) return undefined;
  if (each.value !== 'file' && !isGroupKind(each.value, surroundings)) {
    reportUnknownGroup(each.value, { ...surroundings, at: each.at });
    return undefined;
  }
  const source = findSource({ ...surroundings, from: from?.value, each: each.value, at: each.at });
  if (source === undefined) return undefined;
  if (each.value === 'file') return { kind: 'file', source: source.name };
  if (source.captures !== undefined && !source.captures.includes(each.value)) {
    reportUnknownGroup(each.value, { ...surroundings, sources: [source], at: each.at });
    return undefined;
  }
  return { kind: 'group', source: source.name, group: each.value };
}

/** Variables that the members of an `each` bring; undefined when a mistake hides them. */
export function memberVariables(
  each: Each | undefined,
  sources: readonly ReadSource[],
): readonly string[] | undefined {
  if (each === undefined) return undefined;
  if (each.kind === 'once') return [];
  if (each.kind === 'group') return ['key', each.group];
  const source = sources.find(({ name }) => name === each.source);
  return source?.captures === undefined ? undefined : ['key', 'file', ...source.nameCaptures];
}

/** Also true when a source with a broken name pattern could have it. */
function isGroupKind(name: string, { sources }: EachSurroundings): boolean {
  return sources.some(({ captures }) => captures?.includes(name) ?? true);
}

/** Said by `from`; else the only source; else that of the needed steps; else the only with it. */
function findSource({
  from,
  each,
  at,
  step,
  sources,
  needed,
  report,
}: EachSurroundings & {
  from: string | undefined;
  each: string;
  at: Location;
}): ReadSource | undefined {
  if (from !== undefined) return sources.find((source) => source.name === from);
  const [first, ...others] = sources;
  if (first === undefined) {
    const message = `Step "${step}" runs for each ${each}, but the pipeline has no sources.`;
    report({
      code: 'unknown-source',
      severity: 'error',
      message,
      at,
      hint: 'add one under "sources"',
    });
    return undefined;
  }
  if (others.length === 0) return first;
  // A needed step with a mistake might have told.
  if (needed.includes(undefined)) return undefined;
  const names = new Set(
    needed.map((other) =>
      other === undefined || other.kind === 'once' ? undefined : other.source,
    ),
  );
  names.delete(undefined);
  const inherited = sources.filter((source) => names.has(source.name));
  const withGroup = sources.filter(({ captures }) => each !== 'file' && captures?.includes(each));
  const candidates = inherited.length > 0 ? inherited : withGroup;
  const [only, ...rest] = candidates;
  if (only !== undefined && rest.length === 0) return only;
  const choice = (candidates.length > 0 ? candidates : sources).map((source) => source.name);
  const message = `Step "${step}" runs for each ${each}, but not clear is of which source.`;
  const hint = `add "from: ${choice.join('" or "from: ')}"`;
  report({ code: 'unknown-source', severity: 'error', message, at, hint });
  return undefined;
}

function reportUnknownGroup(
  name: string,
  { step, sources, report, at }: EachSurroundings & { at: Location },
): void {
  const owner = sources.length === 1 ? `the source "${sources[0]?.name}"` : 'any source';
  const known = ['file', ...new Set(sources.flatMap(({ captures }) => captures ?? []))];
  const what = `neither "file" nor a capture of ${owner}`;
  const message = `Step "${step}" runs for each "${name}", which is ${what}.`;
  const hint = didYouMeanOneOf(name, known);
  report({ code: 'unknown-group', severity: 'error', message, at, hint });
}
