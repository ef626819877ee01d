// What a target reads: the files of its order and of the manifests named there, checked to be as
// they were recorded, outside files digested before the rule runs and looked at again after it.
import { type Stats, statSync } from 'node:fs';
import type { InputFile } from '../task.ts';
import type { Database } from './duckdb.ts';
import type { InputOrder, WorkOrder, WorkResult } from './executor.ts';
import { digestFile } from './file-digest.ts';
import { type MadeFile, readManifests } from './manifest.ts';
import { targetError } from './target-error.ts';

type FileOrder = InputOrder['files'][number];

export class Inputs {
  readonly #order: WorkOrder;
  readonly #database: () => Promise<Database>;
  readonly #signal: AbortSignal;
  readonly #outside = new Map<string, { file: FileOrder; stat: Stats; sha256: string }>();
  readonly #listed = new Map<string, Promise<readonly InputFile[]>>();

  constructor(
    order: WorkOrder,
    { database, signal }: { database: () => Promise<Database>; signal: AbortSignal },
  ) {
    this.#order = order;
    this.#signal = signal;
    this.#database = database;
  }

  get names(): readonly string[] {
    return this.#order.inputs.map(({ name }) => name);
  }

  /** Digests every outside file; looks whether the others are there. Throws `input-missing`. */
  async prepare(): Promise<void> {
    const signal = this.#signal;
    for (const input of this.#order.inputs) {
      for (const file of input.files) {
        // Not here yet, or not any more: the rule knows what to do with the record alone.
        if (file.remote !== undefined || file.released === true) continue;
        const stat = present(file);
        if (file.outside === undefined) {
          if (stat.mtimeMs !== file.mtimeMs) await this.#checkContent(file, stat);
          continue;
        }
        if (stat.size !== file.bytes || stat.mtimeMs !== file.outside.mtimeMs) {
          throw changedMeanwhile(file.path);
        }
        const sha256 = await digestFile(file.path, { stat, signal });
        this.#outside.set(file.outside.name, { file, stat, sha256 });
      }
    }
  }

  /** The file of an input that consists of exactly one; undefined otherwise. */
  onlyFile(name: string): string | undefined {
    const input = this.#order.inputs.find((candidate) => candidate.name === name);
    if (input === undefined || input.manifests.length > 0) return undefined;
    return input.files.length === 1 ? input.files[0]?.path : undefined;
  }

  /** The targets behind one input, from the order alone: a manifest may list no file. */
  producers(name: string): readonly string[] {
    const input = this.#order.inputs.find((candidate) => candidate.name === name);
    const sources = input === undefined ? [] : [...input.files, ...input.manifests];
    return [...new Set(sources.flatMap(({ producer }) => producer ?? []))];
  }

  /** All files of one input, those of its manifests after its own. */
  files(name: string): Promise<readonly InputFile[]> {
    const known = this.#listed.get(name);
    if (known !== undefined) return known;
    const files = this.#list(name);
    this.#listed.set(name, files);
    return files;
  }

  /** All files of all inputs in order. */
  async allFiles(): Promise<readonly InputFile[]> {
    const lists = [];
    for (const name of this.names) lists.push(await this.files(name));
    return lists.flat();
  }

  /** Throws `input-changed` when an outside file is not what was digested. */
  checkUnchanged(): void {
    for (const { file, stat } of this.#outside.values()) {
      const now = statSync(file.path, { throwIfNoEntry: false });
      if (now?.size === stat.size && now.mtimeMs === stat.mtimeMs) continue;
      throw changedMeanwhile(file.path);
    }
  }

  outside(): WorkResult['outside'] {
    return Object.fromEntries(
      [...this.#outside].map(([name, { stat, sha256 }]) => [
        name,
        { bytes: stat.size, mtimeMs: stat.mtimeMs, sha256 },
      ]),
    );
  }

  /**
   * A manifest is renamed into place after its files, so that one with a later change time was
   * touched since: that time cannot be set by whoever replaces a file.
   */
  async #checkListed(input: InputOrder, listed: readonly MadeFile[]): Promise<void> {
    const times = new Map(
      input.manifests.map(({ path, producer }) => [producer, statSync(path).ctimeMs]),
    );
    for (const file of listed) {
      if (file.released) continue;
      const stat = present(file);
      if (stat.ctimeMs > (times.get(file.producer) ?? 0)) await this.#checkContent(file, stat);
    }
  }

  /** Another time alone is nothing; another content of the same length must not be read. */
  async #checkContent(
    { path, sha256, producer }: Pick<FileOrder, 'path' | 'sha256' | 'producer'>,
    stat: Stats,
  ): Promise<void> {
    if (sha256 === undefined) return;
    if ((await digestFile(path, { stat, signal: this.#signal })) === sha256) return;
    throw targetError('input-changed', `${path} is not what ${producer ?? 'its target'} made`, {
      hint: 'run again: the target that made it is then made again',
      blamed: producer === undefined ? [] : [producer],
    });
  }

  async #list(name: string): Promise<readonly InputFile[]> {
    const input = this.#order.inputs.find((candidate) => candidate.name === name);
    if (input === undefined) {
      throw targetError('internal', `There is no input "${name}"`, {
        hint: `inputs: ${this.names.join(', ')}`,
      });
    }
    const own = input.files.map(({ outside, ...file }): InputFile => {
      const read = outside === undefined ? undefined : this.#outside.get(outside.name);
      if (read === undefined) return file;
      return { ...file, bytes: read.stat.size, sha256: read.sha256 };
    });
    if (input.manifests.length === 0) return own;
    const { work } = this.#order;
    const listed = await readManifests(await this.#database(), { ...input, work });
    await this.#checkListed(input, listed);
    return [...own, ...listed];
  }
}

/** A checkpoint belongs to the content that there was when the attempt began. */
function changedMeanwhile(path: string): Error {
  return targetError('input-changed', `${path} changed while it was read`, {
    hint: 'run again when nothing writes to it any more',
  });
}

/** The file's stat; throws unless it is there and, when it was made by a target, as long as then. */
function present(file: Pick<FileOrder, 'path' | 'bytes' | 'outside' | 'producer'>): Stats {
  const blamed = file.producer === undefined ? [] : [file.producer];
  const stat = statSync(file.path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw targetError('input-missing', `${file.path} does not exist`, {
      hint:
        file.outside === undefined
          ? 'run again: the target that made it is then made again'
          : 'put it back, or take it out of the source or the inputs',
      blamed,
    });
  }
  if (file.outside === undefined && stat.size !== file.bytes) {
    throw targetError(
      'input-changed',
      `${file.path} has ${stat.size} bytes; ${file.bytes} were recorded when it was made`,
      { hint: 'run again: the target that made it is then made again', blamed },
    );
  }
  return stat;
}
