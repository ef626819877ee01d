// `repair`: what is recorded is rebuilt from what there is, and only as far as that proves it.
import { appendFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubPipeline } from './hub-pipeline-rig.ts';
import { FILES, Rig, targets } from './rig.ts';

// Some dozen calls of the command line in a test.

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  expect(await base.ran()).toHaveLength(12);
});
afterAll(() => base.close());

const JOURNAL = 'work/default/state/chunk_0-1.jsonl';

async function copied(use: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = base.copy();
  try {
    await use(rig);
  } finally {
    rig.close();
  }
}

/** Everything that is known afterwards is as it was, and nothing is to do. */
async function expectWhole(rig: Rig): Promise<void> {
  const run = await rig.run('--verify');
  expect([run.code, run.done]).toEqual([0, []]);
  expect(rig.results()).toEqual(base.results());
}

/** Flips a bit of a value in a line of a journal. */
function flip(rig: Rig, line: number): void {
  const lines = rig.read(JOURNAL).split('\n');
  const text = lines[line] ?? '';
  const at = text.indexOf('"at":"') + 8;
  lines[line] =
    text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
  rig.write(JOURNAL, lines.join('\n'));
}

test('without its state a folder is repaired from its outputs, and says that it was', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/state');
    const dry = await rig.command(['repair', '-n']);
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('12 targets')]);
    const asked = await rig.command(['repair']);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    expect((await rig.command(['status'])).stdout).toMatch(/pull +3 +0/);
    expect((await rig.command(['repair', '--yes'])).stdout).toMatch(/Recorded\./);
    await expectWhole(rig);
  });
});

test('what was inferred is told as such, and an edit counts from then on as ever', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/state');
    expect((await rig.command(['repair', '--yes'])).code).toBe(0);
    const { stdout } = await rig.command(['explain', 'partition@chunk_0-1']);
    expect(stdout).toMatch(/is up to date\n.*not seen being made, but found on disk by repair \(/);
    const json = JSON.parse((await rig.command(['explain', 'total', '--json'])).stdout);
    expect(json.inferred).toContain('repair');
    const last = rig.read(JOURNAL).trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last).step).toBe(4);
    const none = await rig.command(['repair']);
    expect([none.code, none.stdout]).toEqual([0, 'Nothing to repair.\n']);
    rig.edit('tasks/process.sql', 'n * $factor', 'n * $factor + 1');
    expect(await rig.ran('process')).toEqual(targets('process'));
  });
});

test('outputs that are not whole prove nothing, nor does what was made of them', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/state');
    rig.remove('work/default/flat/chunk_0-0.parquet');
    rig.write('work/default/flat/chunk_0-1.parquet', 'not Parquet');
    rig.write('work/default/results/lang=de/chunk_1-0.parquet', 'other');
    const { stdout } = await rig.command(['repair', '--yes']);
    expect(stdout).toContain('partition@chunk_0-0: it lies there, but nobody knows of process@');
    expect(stdout).toMatch(/process@chunk_0-1: its outputs cannot be used: .*readable Parquet/);
    expect(stdout).toContain('results/lang=de/chunk_1-0.parquet is not what its manifest lists');
    const done = await rig.ran();
    const unread = ['process@chunk_0-0', 'process@chunk_0-1'];
    expect(done).toEqual([...targets('partition', 'merge', 'total'), ...unread].sort());
    expect(rig.results()).toEqual(base.results());
  });
});

test('a manifest that was not in place yet proves nothing', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/state');
    rig.write('work/default/audit/partition/chunk_0-0.parquet.next', '');
    const { stdout } = await rig.command(['repair', '--yes', 'partition']);
    expect(stdout).toMatch(/partition@chunk_0-0: its publication was cut short/);
    expect(await rig.ran('partition')).toEqual(['partition@chunk_0-0']);
  });
});

test('state files of another program are adopted as far as outputs prove them', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/state');
    rig.remove('work/default/flat/chunk_0-1.parquet');
    const steps = [2, 3, 3];
    for (const [index, file] of FILES.entries()) {
      rig.write(`work/default/state/${file}.jsonl`, `{"step": ${steps[index]}}\n`);
    }
    const status = await rig.command(['status']);
    expect(status.stdout).toMatch(
      /3 files with only the state of another program:\n {2}chunk_0-0: step 2/,
    );
    expect(status.stdout).not.toMatch(/damaged/);
    const rows = JSON.parse((await rig.command(['status', '--json'])).stdout);
    expect(rows[0].foreignStep).toBe(2);
    const { stdout } = await rig.command(['repair', '--yes', ...FILES.map((file) => `@${file}`)]);
    expect(stdout).toContain('chunk_0-0: it says step 2, its outputs prove step 2');
    expect(stdout).toContain('chunk_0-1: it says step 3, its outputs prove step 1');
    expect(stdout).toContain('chunk_1-0: it says step 3, its outputs prove step 3');
    const after = await rig.command(['status']);
    expect(after.stdout).not.toContain('another program');
    expect(await rig.ran()).toEqual(
      [
        'process@chunk_0-1',
        'partition@chunk_0-0',
        'partition@chunk_0-1',
        'merge@chunk=0',
        'merge@chunk=1',
        'total',
      ].sort(),
    );
    expect(rig.results()).toEqual(base.results());
  });
});

test('what another program says alone is never believed by a run', async () => {
  await copied(async (rig) => {
    rig.remove('work/default');
    for (const file of FILES) rig.write(`work/default/state/${file}.jsonl`, '{"step": 6}\n');
    const { stdout } = await rig.command(['repair', '--yes']);
    expect(stdout).toContain('it says step 6, its outputs prove nothing');
    expect(stdout).toContain('Nothing to repair.');
    expect(await rig.ran()).toHaveLength(12);
  });
});

test('a damaged journal is looked at again and written clean', async () => {
  await copied(async (rig) => {
    flip(rig, 0);
    flip(rig, 1);
    rig.edit('work/default/state/chunk_1-0.jsonl', '"rows":12', '"rows":13');
    const process = 'work/default/flat/chunk_0-1.parquet';
    rig.write(process, 'x'.repeat(statSync(rig.path(process)).size));
    const status = await rig.command(['status']);
    expect(status.stdout).toMatch(/2 damaged journals:\n {2}state\/chunk_0-1.jsonl: lines 1, 2/);
    const { stdout, code } = await rig.command(['repair', '--yes']);
    expect(code).toBe(0);
    expect(stdout).toContain('Damaged journals, to be written clean: 2');
    expect(stdout).toMatch(/process is to be made again: output flat\/chunk_0-1.parquet is not/);
    expect((await rig.command(['status'])).stdout).not.toMatch(/damaged:/);
    for (const line of rig.read(JOURNAL).trim().split('\n'))
      expect(JSON.parse(line).sum).toBeTypeOf('string');
    expect(await rig.ran('--verify')).toEqual(['process@chunk_0-1']);
    expect(rig.results()).toEqual(base.results());
  });
});

test('a torn tail needs no repair', async () => {
  await copied(async (rig) => {
    appendFileSync(rig.path(JOURNAL), '{"target":"pu');
    expect((await rig.command(['repair'])).stdout).toBe('Nothing to repair.\n');
    expect(await rig.ran()).toEqual([]);
  });
});

test('what a dataset proves is recalled, also for a file of a group that is known', async () => {
  const pipeline = await HubPipeline.start();
  const { rig, hub } = pipeline;
  try {
    expect((await pipeline.run()).code).toBe(0);
    const state = 'work/default/state';
    rig.remove(`${state}/chunk_0-1.jsonl`);
    const dry = await pipeline.command(['repair', '-n', '--json']);
    const lines = dry.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ finding, target }) => [finding, target])).toEqual([
      ['published', 'pull@chunk_0-1'],
      ['published', 'process:labels@chunk_0-1'],
      ['published', 'partition:labels@chunk_0-1'],
    ]);
    expect(rig.exists(`${state}/chunk_0-1.jsonl`)).toBe(false);
    const { stdout } = await pipeline.command(['repair', '--yes']);
    expect(stdout).toMatch(
      /Published in local\/things-labels@\w{12} by the present rules: 3 targets/,
    );
    const run = await pipeline.run();
    expect([run.code, run.done]).toEqual([0, []]);
    rig.remove(state);
    const lost = await pipeline.command(['repair', '-n']);
    expect(lost.stdout).not.toContain('proving nothing');
    // Two groups are looked at in their dataset, proven and freed again.
    expect(lost.stdout).toMatch(/present rules: 9 targets\nA run makes the rest: 6 targets\n$/);
    hub.fault({ path: 'things-labels', action: { kind: 'answer', status: 403 } });
    const offline = await pipeline.command(['repair']);
    expect([offline.code, offline.stderr]).toEqual([
      0,
      expect.stringContaining('what is published cannot be looked up'),
    ]);
  } finally {
    pipeline.close();
    await hub.close();
  }
});
