// What a simulated rule makes: a pure function of what the rule means, its parameters and what it
// reads. The fake executor computes it from a work order and the files that lie there, the model
// from the project alone; where both agree, nothing stale was used.
import { hash } from 'node:crypto';
import { partitionNames } from '../src/executor/partition.ts';
import { canonicalJson } from '../src/fingerprint.ts';
import type { Json } from '../src/task.ts';

/** A file that a rule reads, as far as its result may depend on it. */
export interface ReadFile {
  /** Name of the input. */
  readonly input: string;
  readonly output: string;
  readonly value: string | null;
  readonly sha256: string;
}

export interface MadeFile {
  readonly output: string;
  /** Relative to the work folder. */
  readonly path: string;
  /** What counts for the result's digest: partition value or the part matched by the glob. */
  readonly name: string | null;
  readonly value: string | null;
  readonly content: string;
}

export interface OutputPlace {
  readonly name: string;
  /** With `*` or `{value}` in it, relative to the work folder. */
  readonly path: string;
}

/** Rules with this word have few different results, so that edits often change nothing. */
export const LOSSY = 'lossy';

/** Rules with this word do with the record of what was released. */
export const RECORDS = 'from-records';

const VALUES = [null, '', 'en', 'EN', 'de', 'x/y'];
const NAMES = ['a', 'b', 'c', 'd'];

export function sha256Of(content: string | Uint8Array): string {
  return hash('sha256', content);
}

/** All that a result depends on, in one text. */
export function digestWork(meaning: Json, read: readonly ReadFile[]): string {
  const files = read.map((file) => canonicalJson({ ...file })).sort();
  const digest = sha256Of(canonicalJson([meaning, files]));
  const isLossy = canonicalJson(meaning).includes(LOSSY);
  return isLossy ? `few ${Number.parseInt(digest.slice(0, 4), 16) % 3}` : digest;
}

/** The files of a result, ordered by path. */
export function makeFiles(work: string, outputs: readonly OutputPlace[]): readonly MadeFile[] {
  return outputs
    .flatMap((output) => filesOfOutput(sha256Of(`${work} ${output.name}`), output))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function filesOfOutput(digest: string, { name: output, path }: OutputPlace): readonly MadeFile[] {
  const bits = Number.parseInt(digest.slice(0, 6), 16);
  if (path.includes('{value}')) {
    const values = VALUES.filter((_, index) => ((bits >> index) & 1) === 1);
    const names = partitionNames(values);
    return values.map((value) => ({
      output,
      path: path.replace('{value}', names.get(value) ?? ''),
      name: value,
      value,
      content: contentOf(`${digest} ${value}`),
    }));
  }
  if (path.includes('*')) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const names = NAMES.filter((_, index) => ((bits >> index) & 1) === 1);
    return names.map((letter) => {
      const name = path.slice(folder.length + 1).replace('*', letter);
      const content = contentOf(`${digest} ${letter}`);
      return { output, path: `${folder}/${name}`, name, value: null, content };
    });
  }
  return [{ output, path, name: '', value: null, content: contentOf(digest) }];
}

/** Of a few different lengths, so that other content often has the same one. */
function contentOf(digest: string): string {
  const mixed = sha256Of(digest);
  return mixed.slice(0, 8 + (Number.parseInt(mixed.slice(0, 2), 16) % 3));
}

/** As the real executor computes it: wherever the files lie. */
export function digestResult(
  files: readonly { readonly output: string; readonly name: string | null; sha256: string }[],
): string {
  const lines = files.map(({ output, name, sha256 }) => JSON.stringify([output, name, sha256]));
  return sha256Of(lines.sort().join('\n'));
}

/** A row of a simulated manifest, which is JSON text. */
export interface ManifestRow {
  readonly output: string;
  readonly path: string;
  readonly value: string | null;
  readonly bytes: number;
  readonly sha256: string;
}

export function encodeManifest(rows: readonly ManifestRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** Undefined for what is not a whole manifest. */
export function decodeManifest(content: Uint8Array): readonly ManifestRow[] | undefined {
  const lines = new TextDecoder().decode(content).split('\n');
  if (lines.pop() !== '') return undefined;
  try {
    return lines.map((line): ManifestRow => JSON.parse(line));
  } catch {
    return undefined;
  }
}
