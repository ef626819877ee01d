// Remembers what rule texts mean (`state/@meanings.json`), so that an edit of form alone starts
// DuckDB once and not at every run after it. A cache: it may be deleted at any time.
import { posix } from 'node:path';
import type { Description } from '../executor/executor.ts';
import type { FileSystem } from '../file-system.ts';
import { canonicalJson, digestText, type RuleText } from '../fingerprint.ts';

export class Meanings {
  readonly #fs: FileSystem;
  readonly #path: string;
  /** A new version of the engine may normalise differently. */
  readonly #engine: string;
  #entries: Record<string, Description> | undefined;
  #changed = false;

  constructor(
    fs: FileSystem,
    { state, engine }: { state: string; engine: Readonly<Record<string, string>> },
  ) {
    this.#fs = fs;
    this.#path = posix.join(state, '@meanings.json');
    this.#engine = canonicalJson(engine);
  }

  recall(text: RuleText): Description | undefined {
    return this.#load()[this.#key(text)];
  }

  remember(text: RuleText, description: Description): void {
    this.#load()[this.#key(text)] = description;
    this.#changed = true;
  }

  /** Only for the holder of the lock. */
  save(): void {
    if (this.#changed) this.#fs.replace(this.#path, `${JSON.stringify(this.#entries)}\n`);
    this.#changed = false;
  }

  #key(text: RuleText): string {
    return digestText(`${this.#engine}\n${text.code}\n${canonicalJson(text.contracts)}`);
  }

  #load(): Record<string, Description> {
    if (this.#entries !== undefined) return this.#entries;
    const bytes = this.#fs.read(this.#path);
    this.#entries = bytes === undefined ? {} : parseEntries(new TextDecoder().decode(bytes));
    return this.#entries;
  }
}

/** A damaged cache is an empty one. */
function parseEntries(text: string): Record<string, Description> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
