// Stages what a task wrote row by row: the finished parts of each table become the files of its
// output, and those of the rejects one file.
import { copyFileSync, linkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { copyQuery, type WrittenFile } from './copy.ts';
import type { OutputOrder } from './executor.ts';
import { REJECTS } from './manifest.ts';
import { writeRejects } from './rejects.ts';
import type { Part, PartTable } from './row-part.ts';
import type { Attempt, RuleResult } from './rule.ts';
import { quotedText } from './sql-text.ts';
import { targetError } from './target-error.ts';

export interface MadePart {
  readonly part: Part;
  /** Absolute path of its files. */
  readonly folder: string;
}

/** `parts` in their order. The files stay where they are as well, in case this is cut short. */
export async function stageParts(
  attempt: Attempt,
  parts: readonly MadePart[],
): Promise<Pick<RuleResult, 'written' | 'rejects' | 'rejectsFile'>> {
  const written = new Map<string, readonly WrittenFile[]>();
  for (const output of attempt.order.outputs) {
    const files = filesOf(output.name, parts);
    if (files.length > 0) written.set(output.name, await stageOutput(attempt, { output, files }));
  }
  const rejected = filesOf(REJECTS, parts).filter(({ table }) => table.rows > 0);
  if (rejected.length === 0) return { written, rejects: 0, rejectsFile: undefined };
  return { written, ...(await writeRejects(attempt, readAll(rejected))) };
}

/** How the number of a part is written in names. */
export function partDigits(part: number): string {
  return String(part).padStart(5, '0');
}

interface PartFile {
  readonly number: number;
  readonly table: PartTable;
  readonly path: string;
}

function filesOf(name: string, parts: readonly MadePart[]): readonly PartFile[] {
  return parts.flatMap(({ part, folder }, number) => {
    const table = part[name];
    return table === undefined ? [] : [{ number, table, path: join(folder, table.file) }];
  });
}

async function stageOutput(
  attempt: Attempt,
  { output, files }: { readonly output: OutputOrder; readonly files: readonly PartFile[] },
): Promise<readonly WrittenFile[]> {
  const staged = attempt.stagedPaths.get(output.name) ?? '';
  if (output.glob) {
    return files.map(({ number, table, path }) => {
      const name = partName(output, number);
      const place = join(staged, posix.basename(name));
      link(path, place);
      return { ...table, staged: place, path: name, value: undefined };
    });
  }
  const [only] = files;
  const isAsWanted = output.partitionBy === undefined && output.format === 'parquet';
  if (only !== undefined && files.length === 1 && isAsWanted) {
    link(only.path, staged);
    return [{ ...only.table, staged, path: output.path, value: undefined }];
  }
  const query = readAll(files);
  return await copyQuery(await attempt.database(), { query, values: {}, output, staged });
}

function partName({ name, path }: OutputOrder, part: number): string {
  const stars = path.split('*').length - 1;
  if (stars === 1 && posix.basename(path).includes('*')) return path.replace('*', partDigits(part));
  throw targetError('task-error', `table("${name}") cannot name its files after ${path}`, {
    hint: 'write one * for the number of the part, in the name of the file',
  });
}

function readAll(files: readonly PartFile[]): string {
  const paths = files.map(({ path }) => quotedText(path)).join(', ');
  return `SELECT * FROM read_parquet([${paths}], hive_partitioning = false)`;
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // A disk without hard links.
  }
}
