// What processing and partitioning costs, against the parsing alone, the same statements without
// the runner, and plain Node; how it grows with workers; and the memory that it takes.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { measureAlone, measurePairs, type ProcessRun, type Spread, spread } from './measure.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';
import { makeWikidataFiles, type WikidataFile } from './wikidata-file.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
const GIB = 2 ** 30;
/** What a run of process and partition makes; `data`, what was pulled, stays. */
const MADE = ['flat', 'results', 'audit', 'rejects', 'logs', 'tmp', 'state'];
const ASIDE = 'aside-';
const MEMORY_GOALS = { mean: 0.75, mid: 1.4, dense: 1.9 } as const;

export async function benchProcess({ runs, folder, say }: BenchOptions): Promise<BenchResult> {
  const made = folder ?? mkdtempSync(join(tmpdir(), 'eider-process-'));
  try {
    const report = new Report(say);
    const mean = await prepare('mean', { folder: made, files: 1 });
    const [file = ''] = sourcesOf(mean);
    const ours = pipeline(mean, 1);
    report.ratio('parse', {
      pair: measurePairs(ours, { second: program('parse-claims.ts', [file]), runs }),
      of: 'cpu',
      peer: 'parsing the claims alone',
      goal: 4,
    });
    const bare = program('bare-sql.ts', [file, join(mean, 'bare')]);
    report.ratio('bare', {
      pair: measurePairs(ours, { second: bare, runs }),
      of: 'wall',
      peer: 'the same statements, bare',
      goal: 1.05,
    });
    report.ratio('plain_node', {
      pair: measurePairs(program('plain-node.ts', [file, join(mean, 'plain')]), {
        second: ours,
        runs: Math.min(runs, 3),
      }),
      of: 'cpu',
      first: 'plain Node',
      peer: 'eider',
      goal: 5,
      isFloor: true,
    });
    const two = await prepare('mean', { folder: made, files: 2 });
    report.ratio('two_workers', {
      pair: measurePairs(pipeline(two, 1), { second: pipeline(two, 2), runs }),
      of: 'wall',
      first: 'one worker',
      peer: 'two workers',
      goal: 1.85,
      isFloor: true,
    });
    for (const [name, goal] of Object.entries(MEMORY_GOALS) as [WikidataFile, number][]) {
      const root = await prepare(name, { folder: made, files: 1 });
      report.figure(`peak_gib_${name}`, { spread: peaks(root, Math.min(runs, 3)), goal });
    }
    return report.result;
  } finally {
    const aside = readdirSync(made).filter((name) => name.startsWith(ASIDE));
    const old = folder === undefined ? [made] : aside.map((name) => join(made, name));
    for (const path of old) rmSync(path, { recursive: true, force: true });
  }
}

/** Makes the source files and pulls them; what is measured begins from there. */
async function prepare(
  name: WikidataFile,
  options: { readonly folder: string; readonly files: number },
): Promise<string> {
  const root = await makeWikidataFiles(name, options);
  if (existsSync(pulledState(root))) return root;
  measureAlone(eider(root, ['pull']), 1);
  cpSync(join(workOf(root), 'state'), pulledState(root), { recursive: true });
  return root;
}

function pipeline(root: string, workers: number): ProcessRun {
  const before = () => {
    for (const name of MADE) setAside(join(workOf(root), name), dirname(root));
    cpSync(pulledState(root), join(workOf(root), 'state'), { recursive: true });
  };
  return { ...eider(root, ['process', 'partition', '-j', String(workers)]), before };
}

function eider(root: string, args: readonly string[]): ProcessRun {
  const place = ['--set', `sample_dir=${root}`, '--work', join(root, 'work')];
  return { command: process.execPath, args: [ENTRY, ...args, ...place], cwd: PROJECT };
}

function program(name: string, args: readonly string[]): ProcessRun {
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, name), ...args],
    cwd: PROJECT,
    before: () => setAside(args[1] ?? '', dirname(dirname(args[1] ?? ''))),
  };
}

/**
 * Takes away what an earlier run made. It is deleted only at the end: for a while a file system
 * without a journal looks past deleted inodes whenever it makes a file, and our CPU time pays for it.
 */
function setAside(path: string, folder: string): void {
  if (existsSync(path)) renameSync(path, join(mkdtempSync(join(folder, ASIDE)), basename(path)));
}

/** The largest peak that any target of a run recorded, in GiB. */
function peaks(root: string, runs: number): Spread {
  const samples = Array.from({ length: runs }, () => {
    measureAlone(pipeline(root, 1), 1);
    const state = join(workOf(root), 'state');
    const lines = readdirSync(state)
      .filter((name) => name.startsWith('chunk_'))
      .flatMap((name) => readFileSync(join(state, name), 'utf8').split('\n'));
    const found = lines.flatMap((line) => {
      const peak = /^\{"target":"(?:process|partition).*"peakBytes":(\d+)/.exec(line)?.[1];
      return peak === undefined ? [] : [Number(peak)];
    });
    return Math.max(...found) / GIB;
  });
  return spread(samples);
}

function sourcesOf(root: string): readonly string[] {
  const data = join(root, 'data');
  return readdirSync(data).map((name) => join(data, name));
}

/** The work folder of the profile that the pipeline uses by default. */
function workOf(root: string): string {
  return join(root, 'work', 'sample');
}

function pulledState(root: string): string {
  return join(root, 'pulled');
}
