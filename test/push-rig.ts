// The push and post_check tasks alone, over a dataset in memory whose commits can be disturbed.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openDatabase } from '../src/executor/duckdb.ts';
import { taskSql } from '../src/executor/task-rule.ts';
import { HubError } from '../src/hub/client/error.ts';
import type { HubRepository, InputFile, RemoteChange, Sql, TaskContext } from '../src/task.ts';
import { type PublishedFile, readManifest } from '../tasks/publish/manifest.ts';
import push, { type PushOptions } from '../tasks/push.ts';
import { sha256, temporaryFolder } from './hub-rig.ts';

type Files = ReadonlyMap<string, Uint8Array>;

/** A dataset with all its commits; `c0` is empty. */
export class FakeDataset implements HubRepository {
  readonly name = 'local/things';
  readonly commits: Files[] = [new Map()];
  readonly changes: RemoteChange[] = [];
  /** Called before each commit of the task; may throw. */
  onCommit: (change: RemoteChange) => void = () => {};

  async head(): Promise<string> {
    return `c${this.commits.length - 1}`;
  }

  async create(): Promise<string> {
    return this.head();
  }

  at(revision: string): Files {
    return this.commits[Number(revision.slice(1))] ?? new Map();
  }

  get files(): Files {
    return this.commits.at(-1) ?? new Map();
  }

  get data(): readonly string[] {
    return [...this.files.keys()].filter((path) => path.startsWith('data/')).sort();
  }

  async *list(revision: string, folder: string) {
    for (const path of this.at(revision).keys()) {
      if (path.startsWith(`${folder}/`)) yield { path, bytes: 0, digest: '' };
    }
  }

  async find(revision: string, paths: readonly string[]) {
    const files = this.at(revision);
    return new Map(
      paths.flatMap((path) => {
        const content = files.get(path);
        if (content === undefined) return [];
        const file = { path, bytes: content.byteLength, digest: sha256(content) };
        return [[path, file] as const];
      }),
    );
  }

  async download(): Promise<void> {
    throw new Error('nothing is downloaded');
  }

  async read(revision: string, path: string): Promise<Uint8Array> {
    const content = this.at(revision).get(path);
    if (content === undefined) throw new Error(`there is no ${path}`);
    return content;
  }

  async commit(change: RemoteChange): Promise<string> {
    if (change.put.length + change.remove.length === 0) return change.parent;
    this.onCommit(change);
    if (change.parent !== (await this.head())) throw conflict();
    this.changes.push(change);
    const puts = change.put.map(
      ({ path, from }) =>
        [path, from instanceof Uint8Array ? from : readFileSync(from.file)] as const,
    );
    this.add(Object.fromEntries(puts), change.remove);
    return this.head();
  }

  /** A commit past the task. */
  add(put: Readonly<Record<string, Uint8Array>>, remove: readonly string[] = []): void {
    const files = new Map([...this.files, ...Object.entries(put)]);
    for (const path of remove) {
      if (!files.delete(path)) throw new Error(`there is no ${path} to remove`);
    }
    this.commits.push(files);
  }

  takeTitles(): readonly string[] {
    return this.changes.splice(0).map(({ title }) => title);
  }
}

export function conflict(): HubError {
  return new HubError('hub-conflict', { message: 'another commit', hint: '', mayPass: true });
}

/** Contents by the target that made them and by name: `{ a: { 'en/a': 'one' } }`. */
export type Made = Readonly<Record<string, Readonly<Record<string, string>>>>;

export class PushRig {
  readonly dataset = new FakeDataset();
  readonly root = temporaryFolder();
  readonly log: string[] = [];
  /** How often a manifest was written. */
  written = 0;

  async sql(): Promise<Sql> {
    const temporaryFolder = join(this.root, 'spill');
    const options = { memoryBytes: 0, temporaryFolder, root: this.root };
    const database = await openDatabase(options);
    onTestFinished(() => database.close());
    const sql = taskSql(database);
    return {
      ...sql,
      run: async (statement, values) => {
        this.written += 1;
        await sql.run(statement, values);
      },
    };
  }

  async push(
    made: Made,
    options: Partial<PushOptions> = {},
    excluded: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const files = Object.entries(made).flatMap(([producer, contents]) =>
      Object.entries(contents).map(([name, text]) => this.#file(producer, { name, text })),
    );
    const producers = Object.keys(made);
    await this.pushFiles(files, { options, producers, excluded, sql: await this.sql() });
  }

  async pushFiles(
    files: readonly InputFile[],
    parts: {
      options?: Partial<PushOptions>;
      producers: readonly string[];
      excluded?: Readonly<Record<string, string>>;
      sql: Sql;
    },
  ): Promise<void> {
    mkdirSync(join(this.root, 'scratch'), { recursive: true });
    const input = { path: '', files: async () => files, producers: parts.producers };
    const context: Partial<TaskContext<PushOptions>> = {
      variables: { key: 'chunk-0' },
      with: {
        strip: 'results',
        folder: 'data',
        manifests: 'manifests',
        first_subset: '',
        contract: '',
        commit_files: 100,
        max_commit_files: parts.options?.commit_files ?? 1000,
        ...parts.options,
      },
      inputs: { partition: input },
      outputs: {
        manifest: { path: join(this.root, 'manifest.parquet') },
        record: { path: join(this.root, 'record.json') },
      },
      scratch: join(this.root, 'scratch'),
      dataset: this.dataset.name,
      excluded: parts.excluded ?? {},
      signal: new AbortController().signal,
      sql: async () => parts.sql,
      hub: async () => ({ id: 'hub', isPrivate: false, repository: () => this.dataset }),
      progress: () => {},
      published: () => {},
      log: (line) => this.log.push(line),
    };
    await push.run(context as TaskContext<PushOptions>);
  }

  /** What the published manifest, or another one in the dataset, lists. */
  async listed(path = 'manifests/chunk-0.parquet'): Promise<readonly PublishedFile[]> {
    const content = this.dataset.files.get(path);
    if (content === undefined) throw new Error(`there is no ${path}`);
    const local = join(this.root, 'listed.parquet');
    writeFileSync(local, content);
    return readManifest(await this.sql(), local);
  }

  get card(): string {
    return Buffer.from(this.dataset.files.get('README.md') ?? '').toString();
  }

  async listedPaths(path?: string): Promise<readonly string[]> {
    return (await this.listed(path)).map((file) => file.path);
  }

  #file(producer: string, { name, text }: { name: string; text: string }): InputFile {
    const workPath = `results/language=${name}.parquet`;
    const digest = createHash('sha256').update(text).digest('hex');
    const path = join(this.root, digest);
    writeFileSync(path, text);
    const bytes = Buffer.byteLength(text);
    return { path, bytes, sha256: digest, rows: 1, producer, output: 'output', workPath };
  }
}
