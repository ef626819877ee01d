// What publishing and reading back thousands of files costs beside a script by hand over the same
// client: requests, and time. Ours pushes, proves what was published and pulls it again; the script
// uploads and downloads. Each has a Hub of its own each time, in a process of its own.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATASET, freshPipelines, makeHubFiles, resultsOf } from './hub-files.ts';
import type { RequestCounts, ServerAddress } from './hub-server.ts';
import { comparePairs, measureOnce, type ProcessRun, type Sample, spread } from './measure.ts';
import { type BenchOptions, type BenchResult, Report } from './report.ts';

interface Measured {
  readonly sample: Sample;
  readonly counts: RequestCounts;
}

type Side = (folder: string, server: ServerAddress) => ProcessRun;

const SIDES = { ours, byHand } as const satisfies Readonly<Record<string, Side>>;

export async function benchHub({ runs, folder, say }: BenchOptions): Promise<BenchResult> {
  const made = folder ?? mkdtempSync(join(tmpdir(), 'eider-hub-bench-'));
  try {
    await makeHubFiles(made);
    const measure = (side: Side) => measureSide(side, made);
    // Once each before anything counts.
    await measure(SIDES.ours);
    await measure(SIDES.byHand);
    const pairs: (readonly [Measured, Measured])[] = [];
    for (let run = 0; run < runs; run += 1) {
      pairs.push([await measure(SIDES.ours), await measure(SIDES.byHand)]);
    }
    return reported(pairs, new Report(say), say);
  } finally {
    rmSync(join(made, 'work'), { recursive: true, force: true });
    if (folder === undefined) rmSync(made, { recursive: true, force: true });
  }
}

function reported(
  pairs: readonly (readonly [Measured, Measured])[],
  report: Report,
  say: (line: string) => void,
): BenchResult {
  const requests = pairs.map(([a, b]) => totalOf(a.counts) / totalOf(b.counts));
  report.compared('hand_requests', { ratio: spread(requests), goal: '<= 1' });
  const [last] = pairs.slice(-1);
  say(`  eider ${told(last?.[0].counts)}`);
  say(`  by hand ${told(last?.[1].counts)}`);
  const pair = comparePairs(pairs.map(([a, b]) => [a.sample, b.sample] as const));
  report.ratio('hand_time', { pair, peer: 'by hand', goal: 1 });
  report.compared('hand_cpu', { ratio: pair.ratio.cpu, goal: 'none' });
  return report.result;
}

function totalOf(counts: RequestCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function told(counts: RequestCounts = {}): string {
  const routes = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const parts = routes.map(([route, count]) => `${route} ${count}`);
  return `${totalOf(counts)} requests: ${parts.join(', ')}`;
}

async function measureSide(side: Side, folder: string): Promise<Measured> {
  const hub = mkdtempSync(join(folder, 'hub-'));
  const server = fork(join(import.meta.dirname, 'hub-server.ts'), [hub]);
  try {
    const address: ServerAddress = await answerOf(server);
    const sample = measureOnce(side(folder, address));
    server.send('counts');
    return { sample, counts: await answerOf(server) };
  } finally {
    server.kill();
    await once(server, 'exit');
    rmSync(hub, { recursive: true, force: true });
  }
}

async function answerOf<T>(server: ChildProcess): Promise<T> {
  const [answer] = await once(server, 'message');
  return answer;
}

function ours(folder: string, { url, token }: ServerAddress): ProcessRun {
  const commands = freshPipelines(folder, url);
  const script = [`export HF_TOKEN=${token}`, ...commands].join(' && ');
  return { command: 'sh', args: ['-c', script], cwd: folder };
}

function byHand(folder: string, { url, token }: ServerAddress): ProcessRun {
  const cache = join(folder, 'work');
  rmSync(cache, { recursive: true, force: true });
  const script = join(import.meta.dirname, 'hand-hub.ts');
  const args = [script, resultsOf(folder), url, token, DATASET, cache];
  return { command: process.execPath, args, cwd: folder };
}
