// The log file of one attempt: append-only, made with its folder when the first line is written,
// each attempt under a header of its own. Lines are written at once, so that they survive a crash.
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Failure } from '../trace.ts';
import type { WorkOrder } from './executor.ts';

/** What is read of a log's end. */
const TAIL_BYTES = 8192;

export class TargetLog {
  readonly #order: Pick<WorkOrder, 'log' | 'target' | 'attempt'>;
  #file: number | undefined;
  #start = 0;

  constructor(order: Pick<WorkOrder, 'log' | 'target' | 'attempt'>) {
    this.#order = order;
  }

  line(text: string): void {
    writeSync(this.file(), text.endsWith('\n') ? text : `${text}\n`);
  }

  failure(failure: Failure): void {
    const { code, message, detail, hint } = failure;
    const lines = [`failed (${code}): ${message}`];
    // The last output of a command is in the log already.
    if (detail !== undefined && detail !== this.tail(detail.split('\n').length)) lines.push(detail);
    if (hint !== undefined) lines.push(`hint: ${hint}`);
    this.line(lines.join('\n'));
  }

  /** The open file, for a command that writes into it itself. */
  file(): number {
    if (this.#file !== undefined) return this.#file;
    const file = openForAppend(this.#order.log);
    this.#file = file;
    const { target, attempt } = this.#order;
    writeSync(file, `== ${target}, attempt ${attempt}, ${new Date().toISOString()}\n`);
    this.#start = fstatSync(file).size;
    return file;
  }

  /** The last lines of this attempt, at most `count`. */
  tail(count: number): string {
    if (this.#file === undefined) return '';
    const end = fstatSync(this.#file).size;
    const start = Math.max(this.#start, end - TAIL_BYTES);
    const bytes = Buffer.alloc(end - start);
    const length = readSync(this.#file, bytes, 0, bytes.length, start);
    return bytes
      .subarray(0, length)
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .slice(-count)
      .join('\n');
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** The last lines of the last attempt in a log that somebody else has written. */
export function lastLinesOf(log: string, count: number): string {
  let reader: number | undefined;
  try {
    reader = openSync(log, 'r');
    const end = fstatSync(reader).size;
    const bytes = Buffer.alloc(Math.min(end, TAIL_BYTES));
    readSync(reader, bytes, 0, bytes.length, end - bytes.length);
    const lines = bytes.toString('utf8').trimEnd().split('\n');
    const header = lines.findLastIndex((line) => line.startsWith('== '));
    return lines
      .slice(header + 1)
      .slice(-count)
      .join('\n');
  } catch {
    return '';
  } finally {
    if (reader !== undefined) closeSync(reader);
  }
}

/** Can be read too: somebody may take the file's name away meanwhile. */
function openForAppend(path: string): number {
  try {
    return openSync(path, 'a+');
  } catch {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a+');
  }
}
