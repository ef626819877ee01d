// A row log: the append-only file of JSON lines in which a task's rows and rejects wait until the
// target is done. It outlives a crash; what lies behind the last checkpoint is cut off on resume,
// so that every row counts exactly once.
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { targetError } from './target-error.ts';

export interface RowLogLength {
  readonly bytes: number;
  readonly rows: number;
}

const FLUSH_CHARACTERS = 1024 * 1024;

/** Whether the log still holds all that a checkpoint says; a torn tail behind it does not count. */
export function holdsCheckpoint(path: string, length: RowLogLength): boolean {
  try {
    const file = openSync(path, 'r');
    const { size } = fstatSync(file);
    closeSync(file);
    return size >= length.bytes;
  } catch {
    return length.bytes === 0;
  }
}

export class RowLog {
  readonly path: string;
  readonly #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();
  #pending: string[] = [];
  #pendingCharacters = 0;
  #bytes: number;
  #rows: number;
  /** Longest line so far in characters: DuckDB has to be told when one is very long. */
  longestLine = 0;

  private constructor(path: string, file: FileHandle, length: RowLogLength) {
    this.path = path;
    this.#file = file;
    this.#bytes = length.bytes;
    this.#rows = length.rows;
  }

  /** Opens the log at the length of the last checkpoint; anything behind it is gone. */
  static async open(path: string, length: RowLogLength | undefined): Promise<RowLog> {
    const start = length ?? { bytes: 0, rows: 0 };
    const descriptor = openSync(path, 'a');
    ftruncateSync(descriptor, start.bytes);
    closeSync(descriptor);
    return new RowLog(path, await open(path, 'a'), start);
  }

  get rowCount(): number {
    return this.#rows;
  }

  /** Adds one JSON text. Waits for the disk only now and then, so callers must await it. */
  async add(json: string): Promise<void> {
    if (json.includes('\\ud')) refuseLoneSurrogate(json);
    this.#pending.push(json);
    this.#pendingCharacters += json.length + 1;
    this.#rows++;
    if (json.length > this.longestLine) this.longestLine = json.length;
    if (this.#pendingCharacters >= FLUSH_CHARACTERS) await this.#flush();
  }

  /** Writes everything out and makes it durable. */
  async save(): Promise<RowLogLength> {
    const flushed = this.#flush();
    // Taken before anything is awaited: rows added meanwhile belong to the next save.
    const length = { bytes: this.#bytes, rows: this.#rows };
    await flushed;
    await this.#file.datasync();
    return length;
  }

  /** Writes everything out; the log can then be read. */
  async close(): Promise<void> {
    await this.#flush();
    await this.#file.close();
  }

  /** One write after the other; after a failed one every further one fails too. */
  #flush(): Promise<void> {
    if (this.#pending.length === 0) return this.#writing;
    const bytes = Buffer.from(`${this.#pending.join('\n')}\n`, 'utf8');
    this.#pending = [];
    this.#pendingCharacters = 0;
    this.#bytes += bytes.length;
    this.#writing = this.#writing.then(() => this.#file.writeFile(bytes));
    return this.#writing;
  }
}

/** JSON.stringify writes half a surrogate pair as an escape, which no reader of tables accepts. */
function refuseLoneSurrogate(json: string): void {
  const text: unknown = JSON.parse(json);
  const isIllFormed = (value: unknown): boolean =>
    typeof value === 'string'
      ? !value.isWellFormed()
      : typeof value === 'object' && value !== null
        ? Object.values(value).some(isIllFormed)
        : false;
  if (!isIllFormed(text)) return;
  throw targetError(
    'task-error',
    'A row holds half of a surrogate pair, which is no Unicode text',
    {
      detail: json.slice(0, 500),
      hint: 'reject() the record, or repair its text with toWellFormed()',
    },
  );
}
