// Kills the extraction of a generated dump again and again at random moments, the runner or its
// worker, until it is done; the tables must be those of a run that nobody disturbed. A few of these
// are tried with every test, hundreds by `pnpm test:crash dumps`.
import { type ChildProcess, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDump } from '../examples/discogs/tasks/sample.ts';
import { createRandom, type Random } from '../tasks/sample/random.ts';

const PROJECT = join(import.meta.dirname, '..');
const ENTRY = join(PROJECT, 'src/bin.js');
const PIPELINE = join(PROJECT, 'examples/discogs/pipeline.yaml');

export interface KillOptions {
  readonly kills: number;
  readonly records: number;
  readonly seed: number;
  /** `.xml` or `.xml.gz`. */
  readonly packed: '' | '.gz';
  readonly say: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Runs from the beginning to the end, each with its kills. */
  readonly histories: number;
  /** Records that were not parsed a second time thanks to checkpoints. */
  readonly resumed: number;
  /** What was wrong; empty when all came out the same. */
  readonly flaws: readonly string[];
}

export async function killExtractions(options: KillOptions): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'discogs-kills-'));
  try {
    const dumps = join(root, 'dumps');
    mkdirSync(dumps);
    const { records, seed, packed, say } = options;
    const dump = join(dumps, `discogs_20260101_artists.xml${packed}`);
    await writeDump(dump, { kind: 'artists', seed, records });
    const wanted = await undisturbed({ root, dumps, records });
    say(`an undisturbed run: ${Object.keys(wanted.tables).length} files, ${wanted.ms} ms`);
    let [kills, histories, resumed] = [0, 0, 0];
    const flaws: string[] = [];
    while (kills < options.kills) {
      const random = createRandom(`kills ${seed} ${histories}`);
      const work = join(root, `work-${histories}`);
      const most = options.kills - kills;
      const found = await history({ work, dumps, records, random, most, ms: wanted.ms });
      histories += 1;
      kills += found.kills;
      resumed += found.resumed;
      const flaw = found.flaw ?? difference(wanted.tables, tablesIn(work));
      if (flaw !== undefined) flaws.push(`seed ${seed}, history ${histories - 1}: ${flaw}`);
      say(`history ${histories - 1}: ${found.kills} kills, ${flaw ?? 'the same tables'}`);
      rmSync(work, { recursive: true, force: true });
    }
    return { kills, histories, resumed, flaws };
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Place {
  readonly work: string;
  readonly dumps: string;
  readonly records: number;
}

async function undisturbed({ root, ...place }: { root: string; dumps: string; records: number }) {
  const work = join(root, 'undisturbed');
  const startedMs = performance.now();
  const { code, said } = await ended(start({ ...place, work }));
  if (code !== 0) throw new Error(`the undisturbed run ended with ${code}:\n${said}`);
  return { tables: tablesIn(work), ms: Math.round(performance.now() - startedMs) };
}

async function history(
  options: Place & { readonly random: Random; readonly most: number; readonly ms: number },
): Promise<{ kills: number; resumed: number; flaw?: string }> {
  const { random, most: limit, ms, work } = options;
  let kills = 0;
  for (;;) {
    const child = start(options);
    const result = ended(child);
    if (kills < limit) {
      // Mostly while it parses, now and then at any moment up to the very end.
      const most = random.chance(0.8) ? 0.2 : 0.9;
      await Promise.race([result, pause(random.next() * ms * most)]);
      const victim = random.chance(0.3) ? workerOf(child) : child.pid;
      if (victim !== undefined && child.exitCode === null && kill(victim)) kills += 1;
    }
    const { code, signal, said } = await result;
    if (code === 0) return { kills, resumed: resumedRecords(work) };
    // A worker that is killed often enough fails its target; a run that is killed just ends.
    const isExpected = signal === 'SIGKILL' || said.includes('worker-died');
    if (!isExpected) return { kills, resumed: 0, flaw: `ended with ${code}:\n${said}` };
  }
}

function start({ work, dumps, records }: Place): ChildProcess {
  const settings = [
    `dumps=${dumps}`,
    // Several parts, and checkpoints that fall on no border of one.
    `records_per_file=${Math.ceil(records / 3.5)}`,
    `state_save_interval=${Math.ceil(records / 40)}`,
  ];
  const words = settings.flatMap((setting) => ['--set', setting]);
  const args = [ENTRY, 'extract', '-f', PIPELINE, '--work', work, '--reporter', 'plain', ...words];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function ended(child: ChildProcess): Promise<{
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, said }));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function workerOf(child: ChildProcess): number | undefined {
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  if (!existsSync(children)) return undefined;
  const [first] = readFileSync(children, 'utf8').trim().split(' ');
  return first === undefined || first === '' ? undefined : Number(first);
}

function tablesIn(work: string): Readonly<Record<string, string>> {
  const folder = join(work, 'sample/tables');
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    files
      .filter((name) => name.endsWith('.parquet'))
      .sort()
      .map((name) => [name, hash('sha256', readFileSync(join(folder, name)))]),
  );
}

function difference(
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): string | undefined {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const different = names.filter((name) => wanted[name] !== found[name]);
  return different.length === 0 ? undefined : `other bytes in ${different.join(', ')}`;
}

/** As the target's log tells. */
function resumedRecords(work: string): number {
  const log = join(work, 'sample/logs/extract/discogs_20260101_artists.log');
  if (!existsSync(log)) return 0;
  const found = readFileSync(log, 'utf8').matchAll(/going on from record (\d+)/g);
  return [...found].reduce((sum, [, records]) => sum + Number(records), 0);
}
