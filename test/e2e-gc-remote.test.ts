// `gc --remote`: published files of groups that are no longer in the plan go, and nothing else.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HubPipeline, SOURCE } from './hub-pipeline-rig.ts';

// Some dozen calls of the command line in a test.

const DATASET = 'local/things-labels';
let pipeline: HubPipeline;

beforeAll(async () => {
  pipeline = await HubPipeline.start();
  expect((await pipeline.run()).code).toBe(0);
});
afterAll(async () => {
  pipeline.close();
  await pipeline.hub.close();
});

test('a group that vanished from the source goes, and what is not its own stays', async () => {
  const { hub } = pipeline;
  const dataset = hub.dataset(DATASET);
  const before = await dataset.digests();
  const none = await pipeline.command(['gc', '--remote']);
  expect([none.code, none.stdout]).toEqual([0, expect.stringMatching(/^Nothing to delete/)]);
  await hub.dataset(SOURCE).put({ 'data/chunk_1-0.parquet': undefined });
  expect((await pipeline.command(['refresh'])).code).toBe(0);
  const replaced = Object.keys(before).find((path) => path.endsWith('fr/chunk_1-0.parquet')) ?? '';
  await dataset.put({ 'notes.txt': 'mine', [replaced]: 'mine now' });
  const commits = await dataset.commits();
  const local = await pipeline.command(['gc', '-n']);
  expect(local.stdout).not.toContain('Published');
  const dry = await pipeline.command(['gc', '--remote', '-n']);
  expect(dry.stdout).toMatch(
    /Published in local\/things-labels, of no group any more: .*\n {2}chunk-1: \d files, /,
  );
  const asked = await pipeline.command(['gc', '--remote']);
  expect([asked.code, await dataset.commits()]).toEqual([2, commits]);
  const { code, stdout } = await pipeline.command(['gc', '--remote', '--yes']);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/Deleted\.\n$/)]);
  const after = await dataset.digests();
  const gone = Object.keys(before).filter((path) => after[path] === undefined);
  expect(gone).toContain('manifests/chunk-1.parquet');
  expect(gone).toContain('manifests/chunk-1.provenance.jsonl.gz');
  expect(gone.filter((path) => !/chunk[-_]1/.test(path))).toEqual([]);
  expect(Object.keys(after).filter((path) => /chunk[-_]1/.test(path))).toEqual([replaced]);
  expect(await dataset.text('notes.txt')).toBe('mine');
  const run = await pipeline.run('--verify');
  expect([run.code, run.done]).toEqual([0, []]);
  const again = await pipeline.command(['gc', '--remote']);
  expect(again.stdout).toMatch(/^Nothing to delete/);
  expect(pipeline.leaks()).toEqual([]);
});
