// A run with nothing to do, a dry run with everything to do, and `status`, at the size of the real
// dataset, against the same graphs in ninja and make.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildState } from './built-state.ts';
import { measureAlone, measurePairs, measurePeakMib, type ProcessRun } from './measure.ts';
import { requirePeers } from './peer.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';
import {
  chainShape,
  countTargets,
  pipelineOf,
  type Shape,
  tablesShape,
  writePeers,
} from './shape.ts';
import { realFiles } from './wikidata-files.ts';

const ENTRY = join(import.meta.dirname, '../src/bin.js');

export async function benchNoop(options: BenchOptions): Promise<BenchResult> {
  const { runs, say } = options;
  requirePeers(['ninja', 'make']);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'eider-noop-'));
  try {
    const files = realFiles();
    const chain = await prepare(chainShape(files), { folder, say });
    const report = new Report(say);
    const noop = eider(chain, []);
    const goal = 0.5;
    const ninja = peer(chain, ['ninja']);
    report.ratio('ninja_58k', {
      pair: measurePairs(noop, { second: ninja, runs }),
      peer: 'ninja',
      goal,
    });
    const make = peer(chain, ['make']);
    report.ratio('make_58k', {
      pair: measurePairs(noop, { second: make, runs }),
      peer: 'make',
      goal,
    });
    const plan = {
      ours: eider(chain, ['-n', '--work', join(chain, 'empty')]),
      ninja: peer(chain, ['ninja', '-n'], 'empty'),
    };
    report.ratio('ninja_plan_58k', {
      pair: measurePairs(plan.ours, { second: plan.ninja, runs }),
      peer: 'ninja -n',
      goal: 1.5,
    });
    report.figure('peak_mib_58k', { spread: measurePeakMib(noop, runs), goal: 100 });
    const status = measureAlone(eider(chain, ['status']), runs);
    report.figure('status_s_58k', { spread: status.wallS, goal: 0.5 });
    const tables = await prepare(tablesShape(files), { folder, say });
    report.ratio('ninja_107k', {
      pair: measurePairs(eider(tables, []), { second: peer(tables, ['ninja']), runs }),
      peer: 'ninja',
      goal: 1,
    });
    return report.result;
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives the folder of the shape: pipeline and sources, `work`, `peers` and, not built, `empty`. */
async function prepare(
  shape: Shape,
  { folder, say }: { folder: string; say: BenchOptions['say'] },
): Promise<string> {
  const root = join(folder, shape.name);
  const finished = join(root, 'finished');
  if (existsSync(finished)) return root;
  rmSync(root, { recursive: true, force: true });
  say(
    `Making ${countTargets(shape)} targets in ${root}: ours by a run of this project whose ` +
      'commands are replaced by small files written in one process, theirs by ninja with `:`',
  );
  mkdirSync(join(root, 'src'), { recursive: true });
  const before = new Date(Date.now() - 60_000);
  for (const { key } of shape.files) {
    const path = join(root, 'src', `${key}.parquet`);
    writeFileSync(path, key);
    utimesSync(path, before, before);
  }
  const pipeline = join(root, 'pipeline.yaml');
  writeFileSync(pipeline, pipelineOf(shape));
  await buildState(pipeline);
  writePeers(shape, { folder: join(root, 'peers'), built: true });
  writePeers(shape, { folder: join(root, 'empty'), built: false });
  const ninja = spawnSync('ninja', ['--quiet'], { cwd: join(root, 'peers') });
  if (ninja.status !== 0) throw new Error(`ninja failed: ${ninja.stdout}${ninja.stderr}`);
  writeFileSync(finished, '');
  return root;
}

function eider(root: string, args: readonly string[]): ProcessRun {
  return { command: process.execPath, args: [ENTRY, ...args], cwd: root };
}

function peer(root: string, [command = '', ...args]: readonly string[], folder = 'peers') {
  return { command, args, cwd: join(root, folder) };
}
