// What `gc` found, as text for people and as JSON lines for programs.
import { explainBytes } from '../reporter/quantity.ts';
import type { FileSize, Orphans } from '../run/orphans.ts';
import type { RemoteOrphans } from '../run/remote-orphans.ts';
import { countTargets } from './grouped-lines.ts';

const SHOWN = 20;

export function orphansText(
  { targets, journals, scratch, foreign }: Orphans,
  remote: readonly RemoteOrphans[],
): string {
  const lines: string[] = [];
  if (targets.length > 0) {
    lines.push(
      `Made here, and of no target any more: ${countTargets(targets.length)}, ${sum(targets)}`,
    );
    const said = targets.map(
      ({ name, files, bytes }) => `  ${name}: ${countFiles(files.length)}, ${explainBytes(bytes)}`,
    );
    lines.push(...few(said));
  }
  if (journals.length > 0) {
    lines.push(`Journals of files and groups that are in no source any more: ${journals.length}`);
    lines.push(...few(journals.map((journal) => `  state/${journal}.jsonl`)));
  }
  if (scratch.length > 0) {
    lines.push(`Kept for attempts that will not come: ${scratch.length} folders, ${sum(scratch)}`);
    lines.push(...few(scratch.map(fileLine)));
  }
  for (const { dataset, groups } of remote) {
    lines.push(`Published in ${dataset}, of no group any more: ${sum(groups)}`);
    const said = groups.map(
      ({ key, files, bytes }) => `  ${key}: ${countFiles(files)}, ${explainBytes(bytes)}`,
    );
    lines.push(...few(said));
  }
  if (lines.length === 0) lines.push('Nothing to delete: all that was made here is of the plan.');
  if (foreign.length > 0) {
    lines.push(
      `Not made here as far as is recorded, left alone: ${countFiles(foreign.length)}, ${sum(foreign)}`,
    );
    lines.push(...few(foreign.map(fileLine)));
  }
  return `${lines.join('\n')}\n`;
}

export function orphansJson(
  { targets, journals, scratch, foreign }: Orphans,
  remote: readonly RemoteOrphans[],
): string {
  const lines = [
    ...targets.map(({ name, files, bytes }) => ({
      kind: 'target',
      target: name,
      bytes,
      files: files.map(({ path }) => path),
    })),
    ...journals.map((journal) => ({ kind: 'journal', path: `state/${journal}.jsonl` })),
    ...scratch.map((folder) => ({ kind: 'scratch', ...folder })),
    ...remote.flatMap(({ dataset, groups }) =>
      groups.map((group) => ({ kind: 'published', dataset, ...group })),
    ),
    ...foreign.map((file) => ({ kind: 'foreign', ...file })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function fileLine({ path, bytes }: FileSize): string {
  return `  ${path} (${explainBytes(bytes)})`;
}

function sum(parts: readonly { readonly bytes: number }[]): string {
  return explainBytes(parts.reduce((total, { bytes }) => total + bytes, 0));
}

function countFiles(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}

function few(lines: readonly string[]): readonly string[] {
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), `  … and ${more} more`] : lines;
}
