// The journals of a rig as a person with `jq` sees them: each line as JSON, read without the program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, type Rig } from './rig.ts';

export interface RecordedLine {
  /** With the member: `process@chunk_0-0`. */
  readonly name: string;
  readonly target: string;
  readonly status: string;
  readonly attempt: number;
  readonly at: string;
  readonly run: string;
  readonly trace?: {
    readonly durationMs: number;
    readonly rows?: number;
    readonly peakBytes?: number;
    readonly engine: Readonly<Record<string, string>>;
    readonly artifacts: readonly { readonly bytes: number }[];
    readonly manifest?: { readonly totalBytes: number };
  };
  readonly effort?: { readonly worker?: number; readonly bytesIn?: number };
  readonly failure?: { readonly code: string };
}

export function journalsOf(rig: Rig): readonly string[] {
  const state = join(rig.home, 'state');
  return filesBelow(state).filter((name) => /^(?!@runs|@source).*\.jsonl$/.test(name));
}

export function recordedLines(rig: Rig): readonly RecordedLine[] {
  return journalsOf(rig).flatMap((journal) => {
    const member = journal.replace(/\.jsonl$/, '').replace(/^@(once$)?/, '');
    const text = readFileSync(join(rig.home, 'state', journal), 'utf8');
    return text.split('\n').flatMap((line) => {
      if (line === '') return [];
      const record: Omit<RecordedLine, 'name'> = JSON.parse(line);
      return [{ ...record, name: member === '' ? record.target : `${record.target}@${member}` }];
    });
  });
}

/** Bytes that a trace says were written. */
export function bytesOf({ trace }: RecordedLine): number {
  if (trace === undefined) throw new Error('not done');
  return trace.manifest?.totalBytes ?? sumOf(trace.artifacts.map(({ bytes }) => bytes));
}

export function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
