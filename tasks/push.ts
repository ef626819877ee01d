// Publishes what its inputs made for one group into a dataset: exactly the files of this group, in
// few large commits, then the group's manifest, how it was made, and the card. Only what differs from
// the dataset by its digest is sent; of the files that the group had before, those are deleted that
// their targets no longer make; everything else in the dataset is left alone.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import {
  defineTask,
  type Hub,
  type HubRepository,
  InputFault,
  type InputFile,
  type RecallContext,
  type RemoteChange,
  type TaskContext,
} from '../src/task.ts';
import { updateCard } from './publish/card.ts';
import { clearGroups } from './publish/clear.ts';
import { publishDespiteConflicts } from './publish/conflict.ts';
import { loadContract } from './publish/contract.ts';
import { type PublicationRecord, type PublishedFile, writeManifest } from './publish/manifest.ts';
import { packProvenance, provenancePath, recallPublication } from './publish/provenance.ts';
import { type Earlier, explainKept, findEarlier, pendingPath } from './publish/remote-manifest.ts';
import { transfer } from './publish/transfer.ts';

export interface PushOptions {
  readonly strip: string;
  readonly folder: string;
  readonly manifests: string;
  readonly first_subset: string;
  readonly contract: string;
  readonly commit_files: number;
  readonly max_commit_files: number;
}

const text = { type: 'string' } as const;

export default defineTask<PushOptions>({
  version: 2,
  with: {
    type: 'object',
    additionalProperties: false,
    required: ['strip'],
    properties: {
      strip: { ...text, description: 'The folder of the inputs that `folder` takes the place of.' },
      folder: { ...text, default: 'data', description: 'Where in the dataset the files go.' },
      manifests: { ...text, default: 'manifests', description: 'Where the manifests go.' },
      first_subset: { ...text, default: '', description: 'The subset that is shown first.' },
      contract: { ...text, default: '', description: 'MODULE#NAME of the columns, for the card.' },
      commit_files: {
        type: 'integer',
        minimum: 1,
        default: 100,
        description: 'Files in the first commit; later ones are larger while they are quick.',
        'x-result': false,
      },
      max_commit_files: {
        type: 'integer',
        minimum: 1,
        default: 1000,
        description: 'Files in one commit at most.',
        'x-result': false,
      },
    },
  },
  async run(context) {
    await publishDespiteConflicts(await Publication.open(context), context);
  },
  recall: (context) => recallPublication(context, manifestPath(context)),
  clear: clearGroups,
});

const CARD = 'README.md';

type Entry = PublishedFile & { readonly local: InputFile };

/** A manifest that was written here. */
interface LocalManifest {
  readonly file: string;
  readonly sha256: string;
}

class Publication {
  landedCommits = 0;
  readonly #context: TaskContext<PushOptions>;
  readonly #repository: HubRepository;
  readonly #hubId: string;
  readonly #isPrivate: boolean;
  readonly #entries: readonly Entry[];
  /** Targets behind the inputs, also those that made no file. */
  readonly #producers: ReadonlySet<string>;
  /** Path in the dataset. */
  readonly #manifestPath: string;
  /** By local path, with the earlier files in it. */
  readonly #written = new Map<
    string,
    { readonly rows: string; readonly manifest: LocalManifest }
  >();

  private constructor(parts: {
    context: TaskContext<PushOptions>;
    repository: HubRepository;
    hub: Hub;
    entries: readonly Entry[];
    producers: ReadonlySet<string>;
  }) {
    this.#context = parts.context;
    this.#repository = parts.repository;
    this.#hubId = parts.hub.id;
    this.#isPrivate = parts.hub.isPrivate;
    this.#entries = parts.entries;
    this.#producers = parts.producers;
    this.#manifestPath = manifestPath(parts.context);
  }

  static async open(context: TaskContext<PushOptions>): Promise<Publication> {
    const { dataset } = context;
    if (dataset === undefined) throw new Error('The step needs "publish: {dataset: owner/name}".');
    const hub = await context.hub();
    const entries: Entry[] = [];
    const producers = new Set<string>();
    for (const input of Object.values(context.inputs)) {
      for (const file of await input.files()) entries.push(toEntry(file, context.with));
      for (const producer of input.producers) producers.add(producer);
    }
    return new Publication({
      context,
      repository: hub.repository(dataset),
      hub,
      entries: entries.sort((a, b) => (a.path < b.path ? -1 : 1)),
      producers,
    });
  }

  async publish(): Promise<void> {
    const { outputs, log, scratch } = this.#context;
    const { commit_files, max_commit_files } = this.#context.with;
    const head = await this.#repository.create({ private: this.#isPrivate });
    const output = outputs['manifest'];
    const record = outputs['record'];
    if (output === undefined || record === undefined) {
      throw new Error('The step needs the outputs "manifest" and "record".');
    }
    const put = await this.#missing(head);
    const earlier = await this.#earlier(head);
    const { kept, obsolete } = earlier;
    const files = [...this.#entries, ...kept];
    const manifest = await this.#write(output.path, { earlier: kept });
    const next = join(scratch, 'next.parquet');
    const pending =
      obsolete.length === 0
        ? manifest
        : await this.#write(next, { earlier: [...kept, ...obsolete] });
    // Whatever is sent has to be listed somewhere at once, unless it is already.
    const isListed = earlier.published === manifest.sha256 || earlier.pending === pending.sha256;
    const along = { path: pendingPath(this.#manifestPath), from: pending };
    const total = bytesOf(put);
    const sent = await transfer({
      parent: head,
      name: this.#name,
      put: put.map(({ path, bytes, sha256, local }) => ({
        path,
        bytes,
        from: { file: local.path, sha256 },
      })),
      remove: obsolete.map(({ path }) => path),
      along: put.length === 0 || isListed ? [] : [along],
      size: commit_files,
      maxSize: Math.max(commit_files, max_commit_files),
      nowMs: () => performance.now(),
      commit: (change) => this.#commit(change),
      onBytes: (done) => this.#context.progress({ done, total, unit: 'bytes' }),
    });
    const last = await this.#lastChange(sent, { manifest, files, earlier });
    const title = `${this.#name}: manifest and card`;
    const commit = await this.#commit({ parent: sent, title, ...last });
    const { length } = this.#entries;
    log(`sent ${put.length} of ${length} files, deleted ${obsolete.length}: ${commit}`);
    const stays = explainKept(kept);
    if (stays !== undefined) log(`kept files of targets that are no input any more: ${stays}`);
    const made = this.#record(files, { commit, sha256: manifest.sha256 });
    const { dataset, bytes, rows } = made;
    this.#context.published({ dataset, commit, files: files.length, bytes, rows });
    await writeFile(record.path, `${JSON.stringify(made, null, 2)}\n`);
  }

  get #name(): string {
    return String(this.#context.variables['key']);
  }

  /** Files that the dataset has not, or has with other content. */
  async #missing(head: string): Promise<readonly Entry[]> {
    const paths = this.#entries.map(({ path }) => path);
    const there = await this.#repository.find(head, paths);
    const missing = this.#entries.filter(({ path, sha256 }) => there.get(path)?.digest !== sha256);
    const gone = missing.filter(({ local }) => local.released === true);
    if (gone.length > 0) {
      const producers = [...new Set(gone.flatMap(({ local }) => local.producer ?? []))];
      throw new InputFault(
        `${gone.length} files are neither here nor in ${this.#repository.name}, the first is ` +
          `${gone[0]?.path}; they were released and have to be made again`,
        producers,
      );
    }
    return missing;
  }

  async #earlier(head: string): Promise<Earlier> {
    const { scratch } = this.#context;
    const sql = await this.#context.sql();
    const place = { commit: head, path: this.#manifestPath, sql, scratch };
    const paths = new Set(this.#entries.map(({ path }) => path));
    const excluded = new Set(Object.keys(this.#context.excluded));
    return findEarlier(this.#repository, place, { paths, producers: this.#producers, excluded });
  }

  /** A manifest of the inputs and of earlier files; one that is the same is not written again. */
  async #write(
    file: string,
    { earlier }: { earlier: readonly PublishedFile[] },
  ): Promise<LocalManifest> {
    const rows = JSON.stringify(earlier.map(({ path, sha256 }) => [path, sha256]));
    const written = this.#written.get(file);
    if (written?.rows === rows) return written.manifest;
    await writeManifest(await this.#context.sql(), {
      files: [...this.#entries, ...earlier],
      excluded: this.#context.excluded,
      to: file,
    });
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const manifest = { file, sha256 };
    this.#written.set(file, { rows, manifest });
    return manifest;
  }

  async #commit(change: RemoteChange): Promise<string> {
    const commit = await this.#repository.commit(change);
    if (commit !== change.parent) this.landedCommits += 1;
    return commit;
  }

  /** The manifest, how it was made, and the card, where they differ. */
  async #lastChange(
    parent: string,
    parts: { manifest: LocalManifest; files: readonly PublishedFile[]; earlier: Earlier },
  ): Promise<Pick<RemoteChange, 'put' | 'remove'>> {
    const { manifest, files, earlier } = parts;
    const put: RemoteChange['put'][number][] = [];
    const made = provenancePath(this.#manifestPath);
    const pending = pendingPath(this.#manifestPath);
    const paths = [this.#manifestPath, pending, made, CARD];
    const there = await this.#repository.find(parent, paths);
    if (there.get(this.#manifestPath)?.digest !== manifest.sha256) {
      put.push({ path: this.#manifestPath, from: manifest });
    }
    const { provenance } = this.#context;
    if (provenance !== undefined) {
      const packed = await packProvenance(provenance, this.#context);
      if (there.get(made)?.digest !== packed.sha256) put.push({ path: made, from: packed });
    }
    const before = there.has(CARD)
      ? new TextDecoder().decode(await this.#repository.read(parent, CARD))
      : undefined;
    const folders = new Set(files.map(({ path }) => posix.dirname(path)));
    const left = earlier.folders.filter((folder) => !folders.has(folder));
    const card = updateCard({
      before,
      dataset: this.#repository.name,
      folders: [...folders],
      emptied: await this.#emptyFolders(parent, left),
      first: this.#context.with.first_subset,
      contract: await loadContract(this.#context.with.contract),
      group: this.#name,
      excluded: this.#context.excluded,
    });
    if (card !== before) put.push({ path: CARD, from: new TextEncoder().encode(card) });
    return { put, remove: there.has(pending) ? [pending] : [] };
  }

  /** Those of the folders in which there is nothing. */
  async #emptyFolders(parent: string, folders: readonly string[]): Promise<readonly string[]> {
    const empty: string[] = [];
    for (const folder of folders) {
      const first = await this.#repository.list(parent, folder)[Symbol.asyncIterator]().next();
      if (first.done === true) empty.push(folder);
    }
    return empty;
  }

  #record(
    files: readonly PublishedFile[],
    { commit, sha256 }: { commit: string; sha256: string },
  ): PublicationRecord {
    return {
      hub: this.#hubId,
      dataset: this.#repository.name,
      commit,
      manifest: { path: this.#manifestPath, sha256 },
      files: files.length,
      bytes: bytesOf(files),
      rows: files.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
      excluded: this.#context.excluded,
    };
  }
}

function bytesOf(files: readonly PublishedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Path of a group's manifest in the dataset. */
function manifestPath({
  with: options,
  variables,
}: Pick<RecallContext<PushOptions>, 'with' | 'variables'>): string {
  return posix.join(options.manifests, `${variables['key']}.parquet`);
}

function toEntry(file: InputFile, { strip, folder }: PushOptions): Entry {
  const { workPath = '', bytes, rows, value, minId, maxId, sha256 } = file;
  const prefix = `${strip.replace(/\/+$/, '')}/`;
  if (!workPath.startsWith(prefix)) {
    throw new Error(`${workPath} does not lie in ${strip}: correct "strip" under "with:".`);
  }
  return {
    path: posix.join(folder, workPath.slice(prefix.length)),
    value: value ?? null,
    bytes,
    rows: rows ?? null,
    minId: minId ?? null,
    maxId: maxId ?? null,
    sha256: sha256 ?? '',
    producer: file.producer ?? null,
    output: file.output ?? null,
    workPath,
    local: file,
  };
}
