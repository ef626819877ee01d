// What a simulated target reads, and the looks that it takes before: whether each file is there and
// is what was recorded, as the real executor asks it, and whom it blames when one is not.
import { posix } from 'node:path';
import type { WorkOrder } from '../src/executor/executor.ts';
import type { FileSystem } from '../src/file-system.ts';
import type { Failure, FailureCode } from '../src/trace.ts';
import { decodeManifest, RECORDS, type ReadFile, sha256Of } from './simulation-result.ts';

/** Outside files as they were read, by name in the trace. */
export type Seen = Record<string, { bytes: number; mtimeMs: number; sha256: string }>;

export class WorkFailure extends Error {
  readonly failure: Failure;
  readonly blamed: readonly string[];

  constructor(failure: Failure, blamed: readonly string[] = []) {
    super(failure.message);
    this.failure = failure;
    this.blamed = blamed;
  }
}

/** Everything that the rule reads, after the looks that the real one takes. */
export function readInputs(
  order: WorkOrder,
  { fs, outside }: { fs: FileSystem; outside: Seen },
): readonly ReadFile[] {
  const read: ReadFile[] = [];
  for (const { name, files } of order.inputs) {
    for (const file of files) {
      const { path, producer = '', output = '' } = file;
      const recorded = file.sha256 ?? '';
      if (file.released === true) {
        read.push({
          input: name,
          output,
          value: null,
          sha256: reread(order, { fs, path, recorded }),
        });
        continue;
      }
      const blamed = file.producer === undefined ? [] : [producer];
      const stat = fs.stat(path);
      if (stat === undefined) throw missing(path, blamed);
      const sha256 = sha256Of(fs.read(path) ?? '');
      if (file.outside !== undefined) {
        const { bytes, mtimeMs } = stat;
        if (bytes !== file.bytes || mtimeMs !== file.outside.mtimeMs) throw changed(path, []);
        outside[file.outside.name] = { bytes, mtimeMs, sha256 };
      } else if (stat.bytes !== file.bytes) {
        throw changed(path, blamed);
      } else if (stat.mtimeMs !== file.mtimeMs && sha256 !== file.sha256) {
        throw changed(path, blamed);
      }
      read.push({ input: name, output, value: null, sha256 });
    }
  }
  return [...read, ...readListed(order, fs)];
}

function readListed(order: WorkOrder, fs: FileSystem): readonly ReadFile[] {
  const read: ReadFile[] = [];
  for (const { name, manifests } of order.inputs) {
    for (const { path: manifest, producer, released } of manifests) {
      if (fs.stat(manifest) === undefined) throw missing(manifest, [producer]);
      const rows = decodeManifest(fs.read(manifest) ?? new Uint8Array());
      // As a file that DuckDB cannot read: nobody is blamed.
      if (rows === undefined) throw new WorkFailure(failure('sql-error', `${manifest} is broken`));
      for (const { output, path: relative, value, bytes, sha256 } of rows) {
        const path = posix.join(order.work, relative);
        if (released) {
          read.push({
            input: name,
            output,
            value,
            sha256: reread(order, { fs, path, recorded: sha256 }),
          });
          continue;
        }
        const found = fs.stat(path);
        if (found === undefined) throw missing(path, [producer]);
        if (found.bytes !== bytes) throw changed(path, [producer]);
        const actual = sha256Of(fs.read(path) ?? '');
        // The real one sees by its change time that somebody else wrote the file.
        if (actual !== sha256) throw changed(path, [producer]);
        read.push({ input: name, output, value, sha256: actual });
      }
    }
  }
  return read;
}

/** What was released has only its record; a rule that needs the content cannot do with it. */
function reread(
  { rule }: WorkOrder,
  { fs, path, recorded }: { fs: FileSystem; path: string; recorded: string },
): string {
  const worksFromRecords = rule.kind === 'task' && moduleText(fs, rule.module).includes(RECORDS);
  if (worksFromRecords) return recorded;
  const content = fs.read(path);
  if (content === undefined) throw new WorkFailure(failure('sql-error', `${path} is gone`));
  return sha256Of(content);
}

/** A task's module with what it imports. */
export function moduleText(fs: FileSystem, path: string): string {
  const text = (file: string) => Buffer.from(fs.read(file) ?? '').toString();
  const own = text(path);
  if (!own.includes('import')) return own;
  return `${text(posix.join(posix.dirname(path), 'shared.ts'))} ${own}`;
}

export function failure(code: FailureCode, message: string, mayPass = false): Failure {
  return { code, message, mayPass };
}

function missing(path: string, blamed: readonly string[]): WorkFailure {
  return new WorkFailure(failure('input-missing', `${path} does not exist`), blamed);
}

export function changed(path: string, blamed: readonly string[]): WorkFailure {
  return new WorkFailure(failure('input-changed', `${path} is not what was made`), blamed);
}
