// `gc`: what was made and is of no target any more goes on a yes, and nothing else ever does.
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hubPipeline, SEED, sourceFiles } from './hub-pipeline-rig.ts';
import { filesBelow, Rig } from './rig.ts';

// Some dozen calls of the command line in a test.

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  expect(await base.ran()).toHaveLength(12);
});
afterAll(() => base.close());

async function copied(use: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = base.copy();
  try {
    await use(rig);
  } finally {
    rig.close();
  }
}

test('of a file that vanished, all that was made of it goes, and nothing else', async () => {
  await copied(async (rig) => {
    rig.remove('data/chunk_0-1.parquet');
    rig.write('work/default/results/notes.txt', 'mine');
    rig.write('work/default/logs/mine.log', 'mine');
    expect((await rig.run()).notes).toContain('gc');
    const before = filesBelow(rig.home);
    const dry = await rig.command(['gc', '-n']);
    expect(dry.stdout).toMatch(/Made here, and of no target any more: 3 targets, .*B\n/);
    expect(dry.stdout).toMatch(/ {2}partition@chunk_0-1: 4 files, /);
    expect(dry.stdout).toMatch(/left alone: 2 files, 8 B\n {2}logs\/mine.log \(4 B\)/);
    const asked = await rig.command(['gc']);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const results = rig.results();
    const { code, stdout } = await rig.command(['gc', '--yes']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Deleted\.\n$/)]);
    const gone = before.filter((path) => !existsSync(`${rig.home}/${path}`));
    expect(gone.every((path) => path.includes('chunk_0-1'))).toBe(true);
    expect(filesBelow(rig.home).filter((path) => path.includes('chunk_0-1'))).toEqual([]);
    const kept = Object.entries(results).filter(([path]) => !path.includes('chunk_0-1'));
    expect(rig.results()).toEqual(Object.fromEntries(kept));
    const run = await rig.run('--verify');
    expect([run.done, run.notes]).toEqual([[], '']);
    expect((await rig.command(['gc'])).stdout).toMatch(/^Nothing to delete/);
  });
});

test('a step that was renamed leaves its records, not files that lie where another puts its own', async () => {
  await copied(async (rig) => {
    rig.edit('pipeline.yaml', 'process:', 'parse:');
    rig.edit('pipeline.yaml', 'needs: process', 'needs: parse');
    const dry = await rig.command(['gc', '--json']);
    const lines = dry.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ kind, target, files }) => [kind, target, files])).toEqual(
      ['chunk_0-0', 'chunk_0-1', 'chunk_1-0'].map((file) => [
        'target',
        `process@${file}`,
        [`logs/process/${file}.log`].filter((path) => rig.exists(`work/default/${path}`)),
      ]),
    );
    expect((await rig.command(['gc', '--yes'])).code).toBe(0);
    expect(rig.exists('work/default/flat/chunk_0-0.parquet')).toBe(true);
    const { stdout } = await rig.command(['repair', '--yes', 'parse']);
    expect(stdout).toContain('3 targets');
    expect(await rig.ran('parse')).toEqual([]);
    expect(rig.read('work/default/state/chunk_0-0.jsonl')).not.toContain('"target":"process"');
    expect(await rig.ran('--verify', 'pull')).toEqual([]);
  });
});

test('a removed step takes its results and audits with it', async () => {
  await copied(async (rig) => {
    const yaml = rig.read('pipeline.yaml');
    const at = yaml.indexOf('  partition:');
    rig.write('pipeline.yaml', yaml.slice(0, at));
    const { stdout } = await rig.command(['gc', '--yes']);
    expect(stdout).toContain('Made here, and of no target any more: 6 targets');
    expect(stdout).toContain('  state/@chunk=0.jsonl');
    expect(readdirSync(rig.home).sort()).toEqual(
      ['data', 'flat', 'logs', 'state', 'tmp'].filter((name) => rig.exists(`work/default/${name}`)),
    );
    expect(await rig.ran()).toEqual([]);
    // Taken back, all of it is made again, and comes out the same.
    rig.write('pipeline.yaml', yaml);
    expect(await rig.ran()).toHaveLength(6);
    expect(rig.results()).toEqual(base.results());
  });
});

test('a file that comes back after it was cleared away is made like a new one', async () => {
  await copied(async (rig) => {
    rig.remove('data/chunk_0-1.parquet');
    await rig.ran();
    expect((await rig.command(['gc', '--yes'])).code).toBe(0);
    await rig.source('0-1');
    const steps = ['merge@chunk=0', 'partition@chunk_0-1', 'process@chunk_0-1', 'pull@chunk_0-1'];
    expect(await rig.ran()).toEqual([...steps, 'total']);
    expect(rig.results()).toEqual(base.results());
  });
});

test('seeds and what they made are of the plan, and so is the Hub', async () => {
  const rig = hubPipeline({ hub: SEED });
  try {
    for (const [path, content] of Object.entries(await sourceFiles(rig))) {
      rig.write(`seed/${path}`, content);
    }
    expect((await rig.run()).code).toBe(0);
    const { stdout, code } = await rig.command(['gc', '--yes']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Nothing to delete[^\n]*\n$/)]);
  } finally {
    rig.close();
  }
});
