// What the runner itself costs per target, in CPU of all its processes, and how long it takes to
// start the first one.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { measureAlone, type ProcessRun, spread } from './measure.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';
import { chainShape, pipelineOf } from './shape.ts';
import { realFiles } from './wikidata-files.ts';

const ENTRY = join(import.meta.dirname, '../src/bin.js');
const CONTRACT = join(import.meta.dirname, '../src/task.ts');
const TARGETS = 10_000;

const TASK = `import { writeFileSync } from 'node:fs';
import { defineTask } from '${CONTRACT}';

export default defineTask({
  async run({ outputs }) {
    writeFileSync(outputs.output.path, '123456789\\n');
  },
});
`;

const RULES = {
  cpu_ms_in_process: { rule: 'task: write', outputs: '    outputs: "out/{key}"', goal: 0.3 },
  cpu_ms_spawned: { rule: 'run: "true"', outputs: '', goal: 2 },
} as const;

export async function benchOverhead({ runs, folder, say }: BenchOptions): Promise<BenchResult> {
  const made = folder ?? mkdtempSync(join(tmpdir(), 'eider-overhead-'));
  try {
    const report = new Report(say);
    for (const [name, { rule, outputs, goal }] of Object.entries(RULES)) {
      const root = join(made, name);
      writeTargets(root, { rule, outputs });
      const costs = Array.from({ length: runs }, () => costOfTarget(root, freshWork(root)));
      report.figure(name, { spread: spread(costs), goal });
    }
    const root = join(made, 'first');
    writeChain(root);
    const waits: number[] = [];
    for (let run = 0; run < runs; run += 1) waits.push(await waitForFirst(root));
    report.figure('first_target_s', { spread: spread(waits), goal: 0.3 });
    return report.result;
  } finally {
    if (folder === undefined) rmSync(made, { recursive: true, force: true });
  }
}

function writeTargets(root: string, { rule, outputs }: { rule: string; outputs: string }) {
  mkdirSync(join(root, 'src'), { recursive: true });
  mkdirSync(join(root, 'tasks'), { recursive: true });
  for (let file = 0; file < TARGETS; file += 1) writeFileSync(join(root, `src/${file}.txt`), '');
  writeFileSync(join(root, 'tasks/write.ts'), TASK);
  const steps = ['steps:', '  write:', '    each: file', `    ${rule}`, outputs, ''];
  const source = 'sources: { files: { files: "src/*.txt", name: "{number}.txt" } }';
  writeFileSync(join(root, 'pipeline.yaml'), ['name: overhead', source, ...steps].join('\n'));
}

/**
 * A folder that is not there yet. To delete an earlier one instead would be charged to the next run:
 * for minutes, ext4 looks for another inode in place of each that was freed (1.9 ms a target
 * against 0.75 were seen).
 */
function freshWork(root: string): string {
  let number = 1;
  while (existsSync(join(root, `work-${number}`))) number += 1;
  return `work-${number}`;
}

/** CPU of a run of all targets, less that of a run with nothing to do, in ms each. */
function costOfTarget(root: string, work: string): number {
  const run: ProcessRun = {
    command: process.execPath,
    args: [ENTRY, '--work', work],
    cwd: root,
  };
  const all = measureAlone(run, 1).cpuS.median;
  const none = measureAlone(run, 1).cpuS.median;
  return ((all - none) * 1000) / TARGETS;
}

function writeChain(root: string) {
  const files = realFiles();
  mkdirSync(join(root, 'src'), { recursive: true });
  for (const { key } of files) writeFileSync(join(root, 'src', `${key}.parquet`), key);
  writeFileSync(join(root, 'pipeline.yaml'), pipelineOf(chainShape(files)));
}

/** Seconds from the command to the event of the first target's start; then the run is ended. */
async function waitForFirst(root: string): Promise<number> {
  rmSync(join(root, 'work'), { recursive: true, force: true });
  const startedMs = performance.now();
  const child = spawn(process.execPath, [ENTRY, '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seconds: number | undefined;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    if (seconds !== undefined) return;
    text += piece;
    if (!text.includes('"type":"target-started"')) return;
    seconds = (performance.now() - startedMs) / 1000;
    child.kill('SIGINT');
    child.kill('SIGTERM');
  });
  await new Promise((resolve) => child.on('close', resolve));
  if (seconds === undefined) throw new Error(`no target was started:\n${text.slice(0, 1000)}`);
  return seconds;
}
