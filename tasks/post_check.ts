// Proves a publication from the remote itself, at the very commit that was published: every file
// of the manifest is there with its size and sha256, and its Parquet footer tells the same rows and
// the same range of ids. Only footers are read; no file is downloaded.
import { readFile, writeFile } from 'node:fs/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync } from 'hyparquet';
import { defineTask, type HubRepository, InputFault, type TaskContext } from '../src/task.ts';
import { type PublicationRecord, type PublishedFile, readManifest } from './publish/manifest.ts';
import { pendingPath } from './publish/remote-manifest.ts';

export interface CheckOptions {
  readonly id_column: string;
  readonly connections: number;
}

/** Enough for the footer of most partition files in one request. */
const FOOTER_BYTES = 64 * 1024;
const SHOWN_PROBLEMS = 5;

export default defineTask<CheckOptions>({
  version: 1,
  with: {
    type: 'object',
    additionalProperties: false,
    properties: {
      id_column: { type: 'string', default: 'id', description: 'The column of the range of ids.' },
      connections: {
        type: 'integer',
        minimum: 1,
        default: 8,
        description: 'Footers read at the same time.',
        'x-result': false,
      },
    },
  },
  async run(context) {
    const { record, manifest, producers } = await readInputs(context);
    const hub = await context.hub();
    if (hub.id !== record.hub) {
      throw new InputFault(`${record.dataset} was published to another Hub`, producers);
    }
    const repository = hub.repository(record.dataset);
    const wrong = await checkTree(repository, { record, manifest });
    const wrongPaths = new Set(wrong.map(({ path }) => path));
    const sound = manifest.filter(({ path }) => !wrongPaths.has(path));
    const unsound = await checkFooters(context, { repository, record, files: sound });
    for (const problem of unsound) wrong.push(problem);
    if (wrong.length > 0) {
      for (const { path, problem } of wrong) context.log(`${path}: ${problem}`);
      const shown = wrong.slice(0, SHOWN_PROBLEMS).map(({ path, problem }) => `${path} ${problem}`);
      throw new InputFault(
        `${wrong.length} of ${manifest.length} files in ${record.dataset} are not as published: ` +
          `${shown.join('; ')}. The next run looks at them and sends what differs`,
        producers,
      );
    }
    const { dataset, commit, files, rows } = record;
    const output = context.outputs['output'];
    if (output === undefined) throw new Error('The step needs an output named "output".');
    await writeFile(output.path, `${JSON.stringify({ dataset, commit, files, rows }, null, 2)}\n`);
    context.log(`${files} files with ${rows} rows are in ${dataset} at ${commit}`);
  },
});

interface Problem {
  readonly path: string;
  readonly problem: string;
}

async function readInputs(context: TaskContext<CheckOptions>): Promise<{
  record: PublicationRecord;
  manifest: readonly PublishedFile[];
  producers: readonly string[];
}> {
  const files = [];
  for (const input of Object.values(context.inputs)) {
    for (const file of await input.files()) files.push(file);
  }
  const recordFile = files.find(({ path }) => path.endsWith('.json'));
  const manifestFile = files.find(({ path }) => path.endsWith('.parquet'));
  if (recordFile === undefined || manifestFile === undefined) {
    throw new Error('The step needs the manifest and the record of a publication as its inputs.');
  }
  const record: PublicationRecord = JSON.parse(await readFile(recordFile.path, 'utf8'));
  const manifest = await readManifest(await context.sql(), manifestFile.path);
  const producers = [...new Set(files.flatMap(({ producer }) => producer ?? []))];
  return { record, manifest, producers };
}

/** Presence, size and digest of every file and of the manifest, and that no push is under way. */
async function checkTree(
  repository: HubRepository,
  { record, manifest }: { record: PublicationRecord; manifest: readonly PublishedFile[] },
): Promise<Problem[]> {
  const wanted = [
    ...manifest.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    { path: record.manifest.path, bytes: undefined, sha256: record.manifest.sha256 },
  ];
  const paths = wanted.map(({ path }) => path);
  const pending = pendingPath(record.manifest.path);
  const there = await repository.find(record.commit, [...paths, pending]);
  const problems: Problem[] = [];
  if (there.has(pending)) {
    problems.push({ path: pending, problem: 'is left over from a push that did not end' });
  }
  for (const { path, bytes, sha256 } of wanted) {
    const found = there.get(path);
    if (found === undefined) problems.push({ path, problem: 'is missing' });
    else if (bytes !== undefined && found.bytes !== bytes) {
      problems.push({ path, problem: `has ${found.bytes} bytes instead of ${bytes}` });
    } else if (found.digest !== sha256) {
      problems.push({ path, problem: `has the digest ${found.digest} instead of ${sha256}` });
    }
  }
  return problems;
}

async function checkFooters(
  context: TaskContext<CheckOptions>,
  parts: {
    repository: HubRepository;
    record: PublicationRecord;
    files: readonly PublishedFile[];
  },
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const open = [...parts.files];
  const total = open.length;
  const work = async () => {
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      context.signal.throwIfAborted();
      const problem = await checkFooter(file, { ...parts, idColumn: context.with.id_column });
      if (problem !== undefined) problems.push({ path: file.path, problem });
      context.progress({ done: total - open.length, total, unit: 'files' });
    }
  };
  await Promise.all(Array.from({ length: context.with.connections }, work));
  return problems;
}

async function checkFooter(
  file: PublishedFile,
  parts: { repository: HubRepository; record: PublicationRecord; idColumn: string },
): Promise<string | undefined> {
  const { repository, record, idColumn } = parts;
  const buffer: AsyncBuffer = {
    byteLength: file.bytes,
    async slice(start, end = file.bytes) {
      const bytes = await repository.read(record.commit, file.path, { start, end });
      return bytes.slice().buffer;
    },
  };
  const metadata = await readFooter(buffer);
  if (typeof metadata === 'string') return `has a footer that cannot be read: ${metadata}`;
  const rows = Number(metadata.num_rows);
  if (rows !== file.rows) return `has ${rows} rows instead of ${file.rows}`;
  const range = idRange(metadata, idColumn);
  if (range === undefined || file.minId === null || file.maxId === null) return undefined;
  if (range.min === file.minId && range.max === file.maxId) return undefined;
  return `has the ids ${range.min} to ${range.max} instead of ${file.minId} to ${file.maxId}`;
}

/** The footer, or what is wrong with it; what the Hub itself refuses is thrown. */
async function readFooter(buffer: AsyncBuffer): Promise<FileMetaData | string> {
  try {
    return await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER_BYTES });
  } catch (error) {
    const isRefused = error instanceof Error && 'code' in error;
    if (isRefused || !(error instanceof Error)) throw error;
    return error.message;
  }
}

/** Smallest and largest id over all row groups; undefined where a footer does not tell exactly. */
function idRange(
  { row_groups: groups }: FileMetaData,
  idColumn: string,
): { min: string; max: string } | undefined {
  let range: { min: unknown; max: unknown } | undefined;
  for (const group of groups) {
    const column = group.columns.find(
      (candidate) => candidate.meta_data?.path_in_schema.join('.') === idColumn,
    );
    const statistics = column?.meta_data?.statistics;
    const min = statistics?.min_value;
    const max = statistics?.max_value;
    if (min === undefined || max === undefined) return undefined;
    if (statistics?.is_min_value_exact === false || statistics?.is_max_value_exact === false) {
      return undefined;
    }
    range = {
      min: range === undefined || isBefore(min, range.min) ? min : range.min,
      max: range === undefined || isBefore(range.max, max) ? max : range.max,
    };
  }
  return range === undefined ? undefined : { min: String(range.min), max: String(range.max) };
}

/** Numbers by their value, which their digits do not tell: 9 is before 10. */
function isBefore(a: unknown, b: unknown): boolean {
  const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'bigint';
  if (isNumber(a) && isNumber(b)) return Number(a) < Number(b);
  return String(a) < String(b);
}
