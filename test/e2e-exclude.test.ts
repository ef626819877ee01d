// A file that the pipeline leaves out: its group goes on without it and says so, wherever one looks.
import { afterEach, expect, test } from 'vitest';
import { HubPipeline } from './hub-pipeline-rig.ts';

const pipelines: HubPipeline[] = [];
afterEach(() => {
  for (const pipeline of pipelines.splice(0)) pipeline.close();
});

const SOURCE_HEAD = 'files: "data/chunk_*.parquet"';

test('a broken file is left out, its group is published, and its return publishes it', async () => {
  const pipeline = await HubPipeline.start();
  pipelines.push(pipeline);
  const { rig, hub } = pipeline;
  const source = hub.dataset('someone/things');
  const whole = await source.bytes('data/chunk_0-1.parquet');
  await source.put({ 'data/chunk_0-1.parquet': new TextEncoder().encode('no Parquet') });
  const broken = await pipeline.run();
  expect(broken.code).toBe(1);
  expect(broken.failed).toEqual(['process:labels@chunk_0-1']);

  rig.edit('pipeline.yaml', SOURCE_HEAD, `${SOURCE_HEAD}\n    exclude: { chunk_0-1: no Parquet }`);
  const without = await pipeline.run();
  expect(without).toMatchObject({ code: 0, failed: [] });
  expect(without.notes).toContain('Left out, as the pipeline says: chunk_0-1 (no Parquet)');
  expect(without.notes).not.toContain('in no source any more');
  expect(without.done).toEqual([
    'clean@chunk=0',
    'post_check:labels@chunk=0',
    'push:labels@chunk=0',
  ]);
  const published = hub.dataset('local/things-labels');
  expect(await published.text('README.md')).toContain('- chunk-0: `chunk_0-1` (no Parquet)');
  const paths = Object.keys(await published.digests());
  expect(paths.filter((path) => path.includes('chunk_0-1'))).toEqual([]);
  expect((await pipeline.run()).done).toEqual([]);

  await source.put({ 'data/chunk_0-1.parquet': whole });
  rig.edit('pipeline.yaml', '\n    exclude: { chunk_0-1: no Parquet }', '');
  expect(await pipeline.run('--refresh')).toMatchObject({ code: 0, failed: [] });
  expect(await published.text('README.md')).not.toContain('left out');
  const after = Object.keys(await published.digests());
  expect(after.some((path) => path.includes('chunk_0-1'))).toBe(true);
});

test('an excluded file that does not exist is a mistake, with the name that is meant', async () => {
  const pipeline = await HubPipeline.start();
  pipelines.push(pipeline);
  pipeline.rig.edit('pipeline.yaml', SOURCE_HEAD, `${SOURCE_HEAD}\n    exclude: { chunk_0-11: x }`);
  const run = await pipeline.run();
  expect(run.code).toBe(2);
  expect(run.text).toContain('excludes "chunk_0-11", but has no such file');
  expect(run.text).toContain('did you mean "chunk_0-1"?');
});
