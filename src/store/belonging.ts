// What a work folder belongs to (`state/@pipeline.json`): results of one pipeline must not be taken
// for those of another. The file is plain JSON, so that a person who moved a source can say so.
import { FORMAT_VERSION } from './line.ts';
import type { StoreProblem } from './problem.ts';

/** The pipeline and the sources that a work folder belongs to. */
export interface Belonging {
  readonly pipeline: string;
  /** What each source is (a repo, a folder), by name: stable text without revision or secrets. */
  readonly sources: Readonly<Record<string, string>>;
}

export function encodeBelonging(belonging: Belonging): string {
  return `${JSON.stringify({ v: FORMAT_VERSION, ...belonging }, null, 2)}\n`;
}

/**
 * What is to be recorded from now on (sources may join and leave), or why the folder is refused.
 * `file` is the record's path as the user would write it.
 */
export function checkBelonging(
  recorded: string,
  { now, file }: { readonly now: Belonging; readonly file: string },
): Belonging | StoreProblem {
  const before = parseBelonging(recorded);
  if (before === undefined) {
    return {
      code: 'unreadable-state',
      message: `${file} is damaged: it should name the pipeline that this work folder belongs to`,
      hint: `Delete it if this is the work folder of "${now.pipeline}"; it is then written anew.`,
    };
  }
  if (before.v > FORMAT_VERSION) return newerFormat(file, before.v);
  const other = (what: string): StoreProblem => ({
    code: 'other-pipeline',
    message: `This work folder belongs to another pipeline: ${what} (${file})`,
    hint: 'Choose another folder with --work, or delete this one if nothing in it is needed.',
  });
  if (before.pipeline !== now.pipeline) {
    return other(`it was made by "${before.pipeline}", this is "${now.pipeline}"`);
  }
  for (const [name, source] of Object.entries(now.sources)) {
    const known = before.sources[name];
    if (known !== undefined && known !== source) {
      return other(`its source "${name}" was ${known}, now it is ${source}`);
    }
  }
  const sources = { ...before.sources, ...now.sources };
  return { pipeline: now.pipeline, sources };
}

export function newerFormat(file: string, version: number): StoreProblem {
  return {
    code: 'newer-format',
    message: `${file} was written by a newer Eider (format ${version}, this one knows ${FORMAT_VERSION})`,
    hint: 'Use that version, or another folder with --work.',
  };
}

function parseBelonging(text: string): (Belonging & { readonly v: number }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('v' in value && 'pipeline' in value && 'sources' in value)) return undefined;
  const { v, pipeline, sources } = value;
  if (typeof v !== 'number' || typeof pipeline !== 'string') return undefined;
  if (typeof sources !== 'object' || sources === null) return undefined;
  const named = Object.entries(sources).map(([name, source]) => [name, String(source)] as const);
  return { v, pipeline, sources: Object.fromEntries(named) };
}
