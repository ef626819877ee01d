// `accept`: stale targets are called up to date as they lie, and nothing else is.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubPipeline } from './hub-pipeline-rig.ts';
import { Rig, targets } from './rig.ts';

// Some dozen calls of the command line in a test.

let base: Rig;

beforeAll(async () => {
  base = await Rig.small();
  expect(await base.ran()).toHaveLength(12);
});
afterAll(() => base.close());

const SQL = 'tasks/process.sql';
const FLAT = 'work/default/flat/chunk_0-1.parquet';

async function copied(use: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = base.copy();
  try {
    await use(rig);
  } finally {
    rig.close();
  }
}

test('an edit of meaning is accepted, and nothing runs any more', async () => {
  await copied(async (rig) => {
    rig.edit(SQL, 'n * $factor', 'n * $factor + 0');
    const dry = await rig.command(['accept', 'process', '-n']);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /Would call 3 targets up to date:\n {2}process: sql tasks\/process\.sql: \w+ -> \w+ \(3 t/,
    );
    expect((await rig.command(['-n'])).stdout).toContain('process: sql');
    const done = await rig.command(['accept', 'process', '--why', 'only a zero']);
    expect(done.stdout).toMatch(
      /^Calling 3 targets[\s\S]*Accepted 3 targets by \S+: only a zero\n$/,
    );
    expect(await rig.ran()).toEqual([]);
    expect(rig.results()).toEqual(base.results());
  });
});

test('status and explain tell what was accepted, and later edits count', async () => {
  await copied(async (rig) => {
    rig.edit(SQL, 'n * $factor', 'n * $factor + 0');
    await rig.command(['accept', 'process', '--why', 'only a zero']);
    const status = await rig.command(['status']);
    expect(status.stdout).toMatch(/accepted:\n {2}process@chunk_0-0 \S+Z by \S+: only a zero/);
    const rows = JSON.parse((await rig.command(['status', '--json'])).stdout);
    expect(rows[0].accepted.process.why).toBe('only a zero');
    const explained = await rig.command(['explain', 'process@chunk_0-1']);
    expect(explained.stdout).toMatch(/is up to date\n {2}accepted \S+Z by \S+: only a zero/);
    // An edit of form of the accepted text is none of meaning.
    rig.edit(SQL, 'SELECT id', 'SELECT  id');
    expect(await rig.ran()).toEqual([]);
    // And the next edit of meaning counts as ever.
    rig.edit(SQL, '+ 0', '+ 1');
    expect(await rig.ran()).toEqual(targets('process', 'partition', 'merge', 'total'));
  });
});

test('an output that was corrected by hand is taken as it is, and what reads it runs', async () => {
  await copied(async (rig) => {
    await rig.parquet(FLAT.slice(0), "SELECT 'Q1' AS id, 'nl' AS lang, 7::BIGINT AS n");
    rig.edit(SQL, 'n * $factor', 'n * $factor + 0');
    expect((await rig.command(['accept', 'process'])).code).toBe(0);
    expect(await rig.ran()).toEqual(['merge@chunk=0', 'partition@chunk_0-1', 'total']);
    expect(rig.exists('work/default/results/lang=nl/chunk_0-1.parquet')).toBe(true);
    expect(await rig.ran()).toEqual([]);
  });
});

test('a file of a partition that was corrected by hand is listed anew', async () => {
  await copied(async (rig) => {
    const path = 'work/default/results/lang=de/chunk_0-1.parquet';
    await rig.parquet(path, "SELECT 'Q1' AS id, 'de' AS lang, 7::BIGINT AS n");
    rig.edit('pipeline.yaml', 'SELECT * FROM', 'SELECT id, lang, n FROM');
    const { stdout } = await rig.command(['accept', 'partition@chunk_0-1']);
    expect(stdout).toContain('Accepted 1 target by');
    const listed = await rig.rows(
      `SELECT rows, min_id FROM '{root}/work/default/audit/partition/chunk_0-1.parquet' WHERE value = 'de'`,
    );
    expect(listed).toEqual([{ rows: '1', min_id: 'Q1' }]);
    expect(await rig.ran('merge@chunk=0')).toEqual(['merge@chunk=0', 'partition@chunk_0-0']);
    expect(await rig.ran('--verify', 'merge@chunk=0')).toEqual([]);
  });
});

test('what was never made, failed, or lacks an output is refused, the rest is accepted', async () => {
  await copied(async (rig) => {
    rig.edit(SQL, 'n * $factor', 'n * $factor + 0');
    rig.remove(FLAT);
    rig.remove('work/default/state/chunk_0-0.jsonl');
    const { code, stdout } = await rig.command(['accept', 'pull', 'process']);
    expect(code).toBe(1);
    expect(stdout).toContain('pull@chunk_0-0: it was never made here: run it, or have `repair`');
    expect(stdout).toContain('process@chunk_0-0: something that it needs is not up to date');
    expect(stdout).toContain('process@chunk_0-1: its output flat/chunk_0-1.parquet is missing');
    expect(stdout).toContain('Accepted 1 target by');
    const json = await rig.command(['accept', 'process', '--json', '-n']);
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).acceptable),
    ).toEqual([false, false]);
    expect(await rig.ran()).not.toContain('process@chunk_1-0');
    rig.edit(SQL, '+ 0', '+ oops');
    expect((await rig.run()).code).toBe(1);
    const failed = await rig.command(['accept', 'process']);
    expect(failed.stdout).toContain('process: its last attempt failed');
    expect(failed.code).toBe(1);
  });
});

test('nothing stale means nothing to accept', async () => {
  await copied(async (rig) => {
    const { code, stdout } = await rig.command(['accept', 'process+']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing to accept: ')]);
    const none = await rig.command(['accept']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('missing required')]);
    const wrong = await rig.command(['accept', 'proces']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('did you mean')]);
  });
});

test('what was released is accepted by its record, unless its shape changed', async () => {
  const pipeline = await HubPipeline.start();
  const { rig } = pipeline;
  try {
    expect((await pipeline.run()).code).toBe(0);
    rig.edit('pipeline.yaml', 'WHERE kind = $table', 'WHERE kind = $table AND true');
    const { stdout, code } = await pipeline.command(['accept', 'process', '--why', 'the same']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Accepted 3 targets by')]);
    expect((await pipeline.run()).done).toEqual([]);
    rig.edit('pipeline.yaml', 'results/{table}/language={value}', 'results/{table}/lang={value}');
    const shape = await pipeline.command(['accept', 'partition']);
    expect([shape.code, shape.stdout]).toEqual([1, expect.stringContaining('released')]);
  } finally {
    pipeline.close();
    await pipeline.hub.close();
  }
});
