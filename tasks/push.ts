// Publishes what its inputs made for one group into a dataset: exactly the files of this group, in
// few large commits, then the group's manifest, how it was made, and the card. Only what differs from
// the dataset by its digest is sent; files that the group had before and has no more are deleted;
// everything else in the dataset is left alone.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Schema } from 'apache-arrow';
import {
  defineTask,
  type HubRepository,
  InputFault,
  type InputFile,
  type RecallContext,
  type RemoteChange,
  type TaskContext,
} from '../src/task.ts';
import { updateCard } from './publish/card.ts';
import {
  fetchManifest,
  type PublicationRecord,
  type PublishedFile,
  writeManifest,
} from './publish/manifest.ts';
import { packProvenance, provenancePath, recallPublication } from './publish/provenance.ts';

export interface PushOptions {
  readonly strip: string;
  readonly folder: string;
  readonly manifests: string;
  readonly first_subset: string;
  readonly contract: string;
  readonly commit_files: number;
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
        description: 'Files in one commit.',
        'x-result': false,
      },
    },
  },
  async run(context) {
    const publication = await Publication.open(context);
    for (let tries = 0; ; tries += 1) {
      try {
        await publication.publish();
        return;
      } catch (error) {
        // Somebody else committed meanwhile: look again and send what is still missing.
        if (!isConflict(error) || tries >= MAX_CONFLICTS) throw error;
        context.log(`the dataset has a newer commit: ${String(error)}`);
      }
    }
  },
  recall: (context) => recallPublication(context, manifestPath(context)),
});

const MAX_CONFLICTS = 10;
const CARD = 'README.md';

type Entry = PublishedFile & { readonly local: InputFile };

class Publication {
  readonly #context: TaskContext<PushOptions>;
  readonly #repository: HubRepository;
  readonly #hubId: string;
  readonly #isPrivate: boolean;
  readonly #entries: readonly Entry[];
  /** Path in the dataset. */
  readonly #manifestPath: string;

  private constructor(parts: {
    context: TaskContext<PushOptions>;
    repository: HubRepository;
    hubId: string;
    isPrivate: boolean;
    entries: readonly Entry[];
  }) {
    this.#context = parts.context;
    this.#repository = parts.repository;
    this.#hubId = parts.hubId;
    this.#isPrivate = parts.isPrivate;
    this.#entries = parts.entries;
    this.#manifestPath = manifestPath(parts.context);
  }

  static async open(context: TaskContext<PushOptions>): Promise<Publication> {
    const { dataset } = context;
    if (dataset === undefined) throw new Error('The step needs "publish: {dataset: owner/name}".');
    const hub = await context.hub();
    const files: InputFile[] = [];
    for (const input of Object.values(context.inputs)) files.push(...(await input.files()));
    const entries = files.map((file) => toEntry(file, context.with));
    const repository = hub.repository(dataset);
    return new Publication({
      context,
      repository,
      hubId: hub.id,
      isPrivate: hub.isPrivate,
      entries: entries.sort((a, b) => (a.path < b.path ? -1 : 1)),
    });
  }

  async publish(): Promise<void> {
    const { outputs, log } = this.#context;
    const head = await this.#repository.create({ private: this.#isPrivate });
    const manifest = outputs['manifest'];
    const record = outputs['record'];
    if (manifest === undefined || record === undefined) {
      throw new Error('The step needs the outputs "manifest" and "record".');
    }
    const sql = await this.#context.sql();
    await writeManifest(sql, { files: this.#entries, to: manifest.path });
    const content = await readFile(manifest.path);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const put = await this.#missing(head);
    const remove = await this.#obsolete(head);
    const sent = await this.#sendData(head, put);
    const last = await this.#lastChange(sent, { manifest: { content, sha256 }, remove });
    const commit = await this.#repository.commit({
      parent: sent,
      title: `${this.#name}: manifest and card`,
      ...last,
    });
    log(`sent ${put.length} of ${this.#entries.length} files, deleted ${remove.length}: ${commit}`);
    const { files, bytes, rows, dataset } = this.#record(commit, sha256);
    this.#context.published({ dataset, commit, files, bytes, rows });
    await writeFile(record.path, `${JSON.stringify(this.#record(commit, sha256), null, 2)}\n`);
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

  /** Files that this group published before and has no more. */
  async #obsolete(head: string): Promise<readonly string[]> {
    const { scratch } = this.#context;
    const sql = await this.#context.sql();
    const place = { commit: head, path: this.#manifestPath, sql, scratch };
    const before = await fetchManifest(this.#repository, place);
    const kept = new Set(this.#entries.map(({ path }) => path));
    const candidates = before.map(({ path }) => path).filter((path) => !kept.has(path));
    const there = await this.#repository.find(head, candidates);
    return candidates.filter((path) => there.has(path));
  }

  /** Gives the newest commit. */
  async #sendData(head: string, put: readonly Entry[]): Promise<string> {
    const total = put.reduce((sum, { bytes }) => sum + bytes, 0);
    let size = this.#context.with.commit_files;
    let parent = head;
    let done = 0;
    for (let at = 0; at < put.length; ) {
      const some = put.slice(at, at + size);
      const before = done;
      try {
        parent = await this.#repository.commit({
          parent,
          title: `${this.#name}: files ${at + 1} to ${at + some.length} of ${put.length}`,
          put: some.map(({ path, sha256, local }) => ({
            path,
            from: { file: local.path, sha256 },
          })),
          remove: [],
          onBytes: (bytes) =>
            this.#context.progress({ done: before + bytes, total, unit: 'bytes' }),
        });
      } catch (error) {
        if (!isTooLarge(error) || some.length === 1) throw error;
        size = Math.ceil(some.length / 2);
        continue;
      }
      done += some.reduce((sum, { bytes }) => sum + bytes, 0);
      at += some.length;
    }
    return parent;
  }

  /** The manifest, how it was made, and the card, where they differ; and the deletions. */
  async #lastChange(
    parent: string,
    {
      manifest,
      remove,
    }: { manifest: { content: Uint8Array; sha256: string }; remove: readonly string[] },
  ): Promise<Pick<RemoteChange, 'put' | 'remove'>> {
    const put: RemoteChange['put'][number][] = [];
    const made = provenancePath(this.#manifestPath);
    const there = await this.#repository.find(parent, [this.#manifestPath, made, CARD]);
    if (there.get(this.#manifestPath)?.digest !== manifest.sha256) {
      put.push({ path: this.#manifestPath, from: manifest.content });
    }
    const { provenance } = this.#context;
    if (provenance !== undefined) {
      const packed = await packProvenance(provenance, this.#context);
      if (there.get(made)?.digest !== packed.sha256) put.push({ path: made, from: packed });
    }
    const before = there.has(CARD)
      ? new TextDecoder().decode(await this.#repository.read(parent, CARD))
      : undefined;
    const card = updateCard({
      before,
      dataset: this.#repository.name,
      folders: [...new Set(this.#entries.map(({ path }) => posix.dirname(path)))],
      emptied: await this.#emptiedFolders(parent, remove),
      first: this.#context.with.first_subset,
      contract: await loadContract(this.#context.with.contract),
    });
    if (card !== before) put.push({ path: CARD, from: new TextEncoder().encode(card) });
    return { put, remove };
  }

  /** Folders in which nothing is left once these files are deleted. */
  async #emptiedFolders(parent: string, remove: readonly string[]): Promise<readonly string[]> {
    const removed = new Set(remove);
    const emptied: string[] = [];
    for (const folder of new Set(remove.map((path) => posix.dirname(path)))) {
      let isEmpty = true;
      for await (const { path } of this.#repository.list(parent, folder)) {
        if (removed.has(path)) continue;
        isEmpty = false;
        break;
      }
      if (isEmpty) emptied.push(folder);
    }
    return emptied;
  }

  #record(commit: string, sha256: string): PublicationRecord {
    const sum = (of: (entry: Entry) => number) =>
      this.#entries.reduce((total, entry) => total + of(entry), 0);
    return {
      hub: this.#hubId,
      dataset: this.#repository.name,
      commit,
      manifest: { path: this.#manifestPath, sha256 },
      files: this.#entries.length,
      bytes: sum((entry) => entry.bytes),
      rows: sum((entry) => entry.rows ?? 0),
    };
  }
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

/** `tables.ts#claims`: a path relative to this module, and an export of it. */
async function loadContract(reference: string): Promise<Schema | undefined> {
  if (reference === '') return undefined;
  const hash = reference.lastIndexOf('#');
  const url = new URL(reference.slice(0, hash), pathToFileURL(`${import.meta.dirname}/`));
  const module: Readonly<Record<string, Schema | undefined>> = await import(url.href);
  const schema = module[reference.slice(hash + 1)];
  if (schema === undefined) throw new Error(`There is no contract ${reference}.`);
  return schema;
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'hub-conflict';
}

/** The Hub refused the size of a commit, or gave up on it. */
function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error) || !('status' in error)) return false;
  return error.status === 413 || error.status === 504;
}
