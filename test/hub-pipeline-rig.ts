// A small pipeline with the project's own Hub tasks in a temporary folder, and Hubs that run inside
// the test, looked at with the Hub's public client as anybody would.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commit, createRepo, downloadFile, listCommits, listFiles } from '@huggingface/hub';
import { type EmbeddedHub, startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';
import type { Fault } from '../src/hub/server/fault.ts';
import type { ServedRequest } from '../src/hub/server/service.ts';
import { type Command, filesBelow, PROJECT, type Result, Rig, type Run, runOf } from './rig.ts';

export const SOURCE = 'someone/things';
/** A Hub of the run's own, with the files below `seed/` as the source. */
export const SEED = `{ embedded: { seed: {
  dataset: ${SOURCE}, folder: seed, files: "data/*.parquet" } } }`;

const SHAPE = (table: string) => `
vars: { owner: local, tables: { ${table} } }
sources:
  things:
    dataset: ${SOURCE}
    files: "data/chunk_*.parquet"
    name: "chunk_{chunk}-{part}.parquet"
steps:
  pull:
    each: file
    task: ${PROJECT}/tasks/pull.ts
    retries: { count: 0 }
    outputs: "data/{file}"
  process:
    needs: pull
    each: file
    matrix: { table: "{tables}" }
    sql: SELECT id, language, label FROM read_parquet($input) WHERE kind = $table
    outputs: "flat/{table}/{key}.parquet"
  partition:
    needs: process
    each: file
    matrix: { table: "{tables}" }
    sql: ${PROJECT}/tasks/partition.sql
    outputs: { path: "results/{table}/language={value}/{key}.parquet", partition_by: language }
  push:
    needs: partition
    each: chunk
    matrix: { table: "{tables}" }
    task: ${PROJECT}/tasks/push.ts
    retries: { count: 0 }
    publish: { dataset: "{owner}/things-{table}" }
    accepts_released: true
    with: { strip: "results/{table}", contract: "tables.ts#labels", first_subset: "{first}" }
    outputs: { manifest: "published/{table}/{key}.parquet", record: "published/{table}/{key}.json" }
  post_check:
    needs: push
    each: chunk
    matrix: { table: "{tables}" }
    task: ${PROJECT}/tasks/post_check.ts
    retries: { count: 0 }
    outputs: "checked/{table}/{key}.json"
  clean:
    needs: post_check
    each: chunk
    release: [pull, process, partition]
`;

/** Ten rows a table, in four languages; so long that a download of them can be gone on with. */
function rowsOf(name: string, languages: string): string {
  const padding = `list_aggregate([md5(i || '-' || n) for n in range(400)], 'string_agg', '')`;
  return `SELECT 'Q' || i || '-${name}' AS id, ${languages}[i // 2 % 4 + 1] AS language,
    ['labels', 'descriptions'][i % 2 + 1] AS kind, 'text ' || i AS label, ${padding} AS padding
    FROM range(20) row(i)`;
}

interface Shape {
  /** YAML of the Hub of the whole pipeline. */
  readonly hub?: string;
  /** How many of the two tables. */
  readonly tables?: 1 | 2;
}

/** The pipeline without source files; the work folder is that of the profile `default`. */
export function hubPipeline({ hub = '{ embedded: {} }', tables = 1 }: Shape = {}): Rig {
  const rig = new Rig();
  const names = ['labels: { first: en }', 'descriptions: { first: de }'].slice(0, tables);
  rig.write('pipeline.yaml', `name: things\nhub: ${hub}${SHAPE(names.join(', '))}`);
  return rig;
}

/** The bytes of a source file of twenty rows: `0-0` is part 0 of chunk 0. */
export async function sourceFile(
  rig: Rig,
  name: string,
  languages = `['en', 'de', 'fr', NULL]`,
): Promise<Uint8Array> {
  const path = `made/chunk_${name}.parquet`;
  await rig.parquet(path, rowsOf(name, languages));
  return readFileSync(rig.path(path));
}

/** The three source files by their path in a dataset; they lie under `made/` as well. */
export async function sourceFiles(rig: Rig): Promise<Readonly<Record<string, Uint8Array>>> {
  const files: Record<string, Uint8Array> = {};
  for (const name of ['0-0', '0-1', '1-0']) {
    files[`data/chunk_${name}.parquet`] = await sourceFile(rig, name);
  }
  return files;
}

/** A Hub inside the test, with the public client of it. */
export class TestHub {
  readonly served: ServedRequest[];
  readonly #hub: EmbeddedHub;
  readonly #folder: string | undefined;

  private constructor(parts: {
    hub: EmbeddedHub;
    served: ServedRequest[];
    folder: string | undefined;
  }) {
    this.#hub = parts.hub;
    this.served = parts.served;
    this.#folder = parts.folder;
  }

  /** Over a folder that outlives it, or one of its own. */
  static async start(folder?: string): Promise<TestHub> {
    const served: ServedRequest[] = [];
    const own = folder === undefined ? mkdtempSync(join(tmpdir(), 'hub-')) : undefined;
    const hub = await startEmbeddedHub({
      folder: folder ?? own ?? '',
      onRequest: (request) => served.push(request),
    });
    return new TestHub({ hub, served, folder: own });
  }

  get url(): string {
    return this.#hub.url;
  }

  get token(): string {
    return this.#hub.token;
  }

  /** From now on; without any, all is well again. */
  fault(...faults: readonly Fault[]): void {
    this.#hub.injectFaults({ faults });
  }

  /** Requests whose path has this in it. */
  requests(part: string, route?: ServedRequest['route']): readonly ServedRequest[] {
    return this.served.filter(
      (request) => request.path.includes(part) && (route ?? request.route) === request.route,
    );
  }

  dataset(name: string): Dataset {
    return new Dataset(name, this.#hub);
  }

  async close(): Promise<void> {
    await this.#hub.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }
}

type Access = { readonly url: string; readonly token: string };

export class Dataset {
  readonly #access;

  constructor(name: string, { url, token }: Access) {
    const repo = { type: 'dataset', name } as const;
    this.#access = { repo, hubUrl: url, accessToken: token };
  }

  withToken(token: string): Dataset {
    const { repo, hubUrl } = this.#access;
    return new Dataset(repo.name, { url: hubUrl, token });
  }

  async create(): Promise<void> {
    await createRepo({ ...this.#access });
  }

  /** One commit by hand; `undefined` deletes. */
  async put(files: Readonly<Record<string, string | Uint8Array | undefined>>): Promise<void> {
    const operations = Object.entries(files).map(([path, content]) =>
      content === undefined
        ? ({ operation: 'delete', path } as const)
        : ({
            operation: 'addOrUpdate',
            path,
            content: new Blob([typeof content === 'string' ? content : new Uint8Array(content)]),
          } as const),
    );
    await commit({ ...this.#access, title: 'by hand', operations });
  }

  async bytes(path: string): Promise<Buffer> {
    // The client puts a path into the address as it is.
    const address = path.split('/').map(encodeURIComponent).join('/');
    const blob = await downloadFile({ ...this.#access, path: address });
    if (blob === null) throw new Error(`there is no ${path}`);
    return Buffer.from(await blob.arrayBuffer());
  }

  async text(path: string): Promise<string> {
    return (await this.bytes(path)).toString('utf8');
  }

  async paths(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { path, type } of listFiles({ ...this.#access, recursive: true })) {
      if (type === 'file' && path !== '.gitattributes') found.push(path);
    }
    return found.sort();
  }

  /** Digests of all files by path, of the bytes that arrive. */
  async digests(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const path of await this.paths()) {
      found[path] = createHash('sha256')
        .update(await this.bytes(path))
        .digest('hex');
    }
    return found;
  }

  /** The same for the same content under another owner, whom only the card names. */
  async content(): Promise<Readonly<Record<string, string>>> {
    const { repo } = this.#access;
    const card = (await this.text('README.md')).replaceAll(repo.name, 'OWNER/NAME');
    return { ...(await this.digests()), 'README.md': card };
  }

  /** Titles of all commits, the newest first. */
  async commits(): Promise<readonly string[]> {
    const titles: string[] = [];
    for await (const { title } of listCommits({ ...this.#access })) titles.push(title);
    return titles;
  }
}

/** A pipeline whose Hub runs in the test; the token is in no file and no output of its runs. */
export class HubPipeline {
  readonly rig: Rig;
  readonly hub: TestHub;
  readonly #outputs: string[] = [];

  constructor(rig: Rig, hub: TestHub) {
    this.rig = rig;
    this.hub = hub;
  }

  /** A Hub of its own that has the source dataset. */
  static async start(shape: Omit<Shape, 'hub'> = {}): Promise<HubPipeline> {
    const hub = await TestHub.start();
    const rig = hubPipeline({ ...shape, hub: `{ endpoint: "${hub.url}" }` });
    const source = hub.dataset(SOURCE);
    await source.create();
    await source.put(await sourceFiles(rig));
    return new HubPipeline(rig, hub);
  }

  /** The same folder again as it is now, with the same Hub. */
  copy(): HubPipeline {
    return new HubPipeline(this.rig.copy(), this.hub);
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Command {
    const tokens = { HF_TOKEN: this.hub.token, HF_HOME: this.rig.path('no-login') };
    return this.rig.start(args, { env: { ...tokens, ...env } });
  }

  async command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
    const result = await this.start(args, env).ended;
    this.#outputs.push(result.text);
    return result;
  }

  async run(...args: readonly string[]): Promise<Run> {
    return this.runIn({}, ...args);
  }

  async runIn(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Run> {
    return runOf(await this.command(['--reporter', 'ndjson', ...args], env));
  }

  /** Where a token was left behind. */
  leaks(...others: readonly string[]): readonly string[] {
    return leaksOf(this.rig.root, [this.hub.token, ...others], this.#outputs);
  }

  /** Of the pipeline alone: its Hub may be that of others. */
  close(): void {
    this.rig.close();
  }
}

/** Files and outputs that hold one of the tokens, but for the embedded Hub's own. */
export function leaksOf(
  root: string,
  tokens: readonly string[],
  outputs: readonly string[],
): readonly string[] {
  const holds = (content: Buffer | string) => tokens.some((token) => content.includes(token));
  const files = filesBelow(root).filter((path) => !/(^|\/)hub\/token$/.test(path));
  return [
    ...files.filter((path) => holds(readFileSync(join(root, path)))),
    ...outputs.filter(holds),
  ];
}
