// What streaming a dump into tables costs beside parsing it: against the parser alone, which decides
// what is well-formed; against the example's own reading alone, which spares the parser what is plain;
// and with checkpoints against without. And how much memory it takes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDump } from '../examples/discogs/tasks/sample.ts';
import { measurePairs, type ProcessRun, spread } from './measure.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';

const PROJECT = join(import.meta.dirname, '..');
const RECORDS = 120_000;
/** So that a part is written while the next is parsed, as it is in a dump of 19 million records. */
const RECORDS_PER_FILE = 20_000;
const INTERVAL = 5_000;
const NEVER = 1_000_000_000;

export async function benchStream({ runs, folder, say }: BenchOptions): Promise<BenchResult> {
  const made = folder ?? mkdtempSync(join(tmpdir(), 'eider-stream-'));
  try {
    const dumps = join(made, 'dumps');
    const dump = join(dumps, 'discogs_20260101_releases.xml.gz');
    await makeDump(dumps, dump);
    const report = new Report(say);
    const bare: ProcessRun = {
      command: process.execPath,
      args: [join(PROJECT, 'bench/bare-parser.ts'), dump],
      cwd: made,
    };
    const reader = { ...bare, args: [join(PROJECT, 'bench/bare-reader.ts'), dump] };
    const ours = extraction(made, { dumps, interval: INTERVAL });
    const parsing = measurePairs(bare, { second: ours, runs });
    report.compared('parser', { ratio: parsing.ratio.wall, goal: '>= 0.8' });
    report.measured('the parser alone', parsing.first);
    report.measured('extract', parsing.second);
    const rate = parsing.second.wallS;
    const perSecond = [rate.median, rate.min, rate.max].map((seconds) => RECORDS / seconds);
    report.compared('records_per_s', { figure: spread(perSecond) });
    const reading = measurePairs(reader, { second: ours, runs });
    report.compared('reader', { ratio: reading.ratio.wall });
    report.measured('its reading alone', reading.first);
    const without = extraction(made, { dumps, interval: NEVER });
    const saving = measurePairs(ours, { second: without, runs });
    report.compared('checkpoints', { ratio: saving.ratio.cpu, goal: '<= 1.02' });
    const peaks = Array.from({ length: Math.min(runs, 3) }, () => peakMib(ours));
    report.figure('peak_mib', { spread: spread(peaks), goal: 300 });
    return report.result;
  } finally {
    if (folder === undefined) rmSync(made, { recursive: true, force: true });
  }
}

async function makeDump(folder: string, dump: string): Promise<void> {
  if (existsSync(dump)) return;
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, 'unfinished.gz');
  await writeDump(unfinished, { kind: 'releases', seed: 1, records: RECORDS });
  renameSync(unfinished, dump);
}

function extraction(
  folder: string,
  { dumps, interval }: { readonly dumps: string; readonly interval: number },
): ProcessRun {
  const work = join(folder, 'work');
  const settings = [
    `dumps=${dumps}`,
    `state_save_interval=${interval}`,
    `records_per_file=${RECORDS_PER_FILE}`,
  ];
  const pipeline = ['-f', join(PROJECT, 'examples/discogs/pipeline.yaml'), '--work', work];
  const words = settings.flatMap((setting) => ['--set', setting]);
  const entry = join(PROJECT, 'src/bin.js');
  return {
    command: process.execPath,
    args: [entry, 'extract', ...pipeline, '--reporter', 'ndjson', ...words],
    cwd: folder,
    before: () => rmSync(work, { recursive: true, force: true }),
  };
}

/** Of the worker, which does all that grows with a dump. */
function peakMib({ command, args, cwd, before }: ProcessRun): number {
  before?.();
  const { stdout, stderr, status } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the extraction ended with ${status}:\n${stderr}`);
  const peak = /"type":"target-done".*"peakBytes":(\d+)/.exec(stdout)?.[1];
  return Number(peak) / 1024 / 1024;
}
