// Whether the bytes of what is made depend on anything but the input: the project's own pipeline over
// files of the real mean size, cut into one batch, with one worker and with two, under less and less
// memory, and with plenty again at the end. What is compared is the sha256 of every flat, split and
// listing file. Files of this shape fit or run out: their row groups need more than what is kept
// between statements, so that DuckDB hardly spills. Where it does, test/tables.test.ts compares bytes.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeWikidataFiles } from '../bench/wikidata-file.ts';
import { digestFile } from '../src/executor/file-digest.ts';
import { filesBelow } from './crash-folder.ts';
import type { EventLine } from './rig.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
const LOOK_MS = 20;

/** How much all targets may take together, and how many run at once. */
interface Circumstances {
  readonly megabytes: number;
  readonly workers: number;
}

/** The last but one is about what a mean file needs. */
const TRIED: readonly Circumstances[] = [
  { megabytes: 6000, workers: 1 },
  { megabytes: 1000, workers: 2 },
  { megabytes: 750, workers: 2 },
  { megabytes: 700, workers: 1 },
  { megabytes: 650, workers: 1 },
  { megabytes: 6000, workers: 2 },
];

export interface BytesOptions {
  /** Source files of the mean size. */
  readonly files: number;
  readonly say: (line: string) => void;
}

/** Gives what was wrong, a line each. */
export async function compareBytes({ files, say }: BytesOptions): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), 'crash-bytes-'));
  try {
    const source = await makeWikidataFiles('mean', { folder: root, files });
    const made: Folder = { root, source, work: join(root, 'work/sample') };
    symlinkSync(join(PROJECT, 'tasks'), join(root, 'tasks'));
    return await compareRuns(made, say);
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Folder {
  readonly root: string;
  readonly source: string;
  readonly work: string;
}

async function compareRuns(folder: Folder, say: (line: string) => void) {
  const flaws: string[] = [];
  let wanted: ReadonlyMap<string, string> | undefined;
  for (const circumstances of TRIED) {
    const { megabytes, workers } = circumstances;
    const name = `${megabytes} MB, ${workers} at once`;
    const ran = await runOnce(folder, circumstances);
    if (ran.code !== 0) {
      flaws.push(`${name}: exit code ${ran.code}, ${ran.codes.join(', ')}\n${ran.text}`);
      continue;
    }
    const found = await digests(folder.work);
    wanted ??= found;
    const differing = differences(found, wanted);
    const spill = `${(ran.spilledBytes / 1e6).toFixed(1)} MB spilled`;
    say(
      `${name}: ${found.size} files, ${differing.length} differ, ${spill}, ${ran.retried} retried`,
    );
    if (differing.length > 0) flaws.push(`${name}: ${differing.slice(0, 5).join(', ')} differ`);
  }
  return flaws;
}

interface Ran {
  readonly code: number | null;
  /** Of failures. */
  readonly codes: readonly string[];
  readonly retried: number;
  readonly text: string;
  /** The most that lay in the folders for it at one time, as far as it was seen. */
  readonly spilledBytes: number;
}

async function runOnce(folder: Folder, circumstances: Circumstances): Promise<Ran> {
  const { megabytes, workers } = circumstances;
  writePipeline(folder, megabytes);
  const words = ['process', 'partition', '--force', '-j', String(workers)];
  const place = ['--set', `sample_dir=${folder.source}`, '--reporter', 'ndjson'];
  const child = spawn(process.execPath, [ENTRY, ...words, ...place], {
    cwd: folder.root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let spilledBytes = 0;
  const timer = setInterval(() => {
    spilledBytes = Math.max(spilledBytes, bytesSpilled(join(folder.work, 'tmp')));
  }, LOOK_MS);
  const { code, stdout, text } = await ended(child);
  clearInterval(timer);
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line): EventLine => JSON.parse(line));
  const codes = events.flatMap(({ type, failure }) =>
    type === 'target-failed' ? [failure.code] : [],
  );
  const retried = events.filter(({ type }) => type === 'target-retried').length;
  return { code, codes, retried, text, spilledBytes };
}

/** The project's pipeline with so much memory, splitting all files as one batch. */
function writePipeline({ root }: Folder, megabytes: number): void {
  const own = readFileSync(join(PROJECT, 'pipeline.yaml'), 'utf8');
  const profile = `
  sample:
    pools: { memory: ${megabytes}MB }
    sources: { wikidata: { groups: { batch: { of: chunk, at_least: 8GB } } } }
    steps:
      partition: { each: batch }
      push: { each: batch }
      post_check: { each: batch }
      clean: { each: batch }
`;
  if (!own.includes('\n  sample: {}\n')) throw new Error('pipeline.yaml has no profile "sample"');
  writeFileSync(join(root, 'pipeline.yaml'), own.replace('\n  sample: {}\n', profile));
  mkdirSync(join(root, 'work'), { recursive: true });
}

async function ended(child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, text: stderr };
}

function bytesSpilled(folder: string): number {
  let bytes = 0;
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (name.includes('.spill/')) bytes += statSync(join(folder, name)).size;
    }
  } catch {
    // It was removed while it was read; the next look counts again.
  }
  return bytes;
}

async function digests(work: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const { signal } = new AbortController();
  for (const name of ['flat', 'results', 'audit']) {
    for (const path of filesBelow(join(work, name))) {
      const file = join(work, name, path);
      found.set(`${name}/${path}`, await digestFile(file, { stat: statSync(file), signal }));
    }
  }
  return found;
}

function differences(
  found: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): readonly string[] {
  const paths = new Set([...found.keys(), ...wanted.keys()]);
  return [...paths].filter((path) => found.get(path) !== wanted.get(path)).sort();
}
