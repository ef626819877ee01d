// Eider as a library: what a program would do with it.
import { load, plan, type RunSummary, run, UsageError } from 'eider';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../src/event.ts';
import { Rig, targets } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.small();
});
afterEach(() => rig.close());

const open = (set: Readonly<Record<string, string>> = {}) =>
  load({ file: rig.path('pipeline.yaml'), set });

/** Runs and gives the targets that were made. */
async function made(
  ...[project, options]: Parameters<typeof run>
): Promise<{ readonly summary: RunSummary; readonly done: readonly string[] }> {
  const events: Event[] = [];
  const onEvent = (event: Event) => {
    events.push(event);
    options?.onEvent?.(event);
  };
  const summary = await run(project, { ...options, onEvent });
  expect([events[0]?.type, events.at(-1)?.type]).toEqual(['run-started', 'run-ended']);
  const done = events.flatMap((event) => (event.type === 'target-done' ? [event.target] : []));
  return { summary, done: done.sort() };
}

test('a program opens a pipeline, sees its plan, runs it, and has nothing to do again', async () => {
  const project = open();
  const all = targets('pull', 'process', 'partition', 'merge', 'total');
  const planned = await plan(project);
  expect(planned.targets.map(({ target }) => target).sort()).toEqual(all);
  const first = await made(project);
  expect([first.summary.outcome, first.done]).toEqual(['ok', all]);
  expect((await plan(project)).targets).toEqual([]);
  const second = await made(project);
  expect([second.summary.nothingToDo, second.done]).toEqual([true, []]);
  expect((await rig.command([])).stdout).toMatch(/^Nothing to do/);
  const edited = await plan(open({ factor: '3' }), { targets: ['process@chunk=1'] });
  expect(edited.targets).toEqual([
    { target: 'process@chunk_1-0', state: 'stale', reasons: ['value factor: 2 -> 3'] },
  ]);
});

test('a selection, a failure and an abort are told as the command line would', async () => {
  const part = await made(open(), { targets: ['process@chunk=1'] });
  expect(part.done).toEqual(['process@chunk_1-0', 'pull@chunk_1-0']);
  rig.write('tasks/process.sql', 'SELECT nothing FROM read_parquet($input)');
  const failed = await made(open(), { targets: ['process@chunk=1'] });
  expect(failed.summary).toMatchObject({
    outcome: 'failed',
    failures: [{ target: 'process@chunk_1-0', failure: { code: 'sql-error' } }],
  });
  const stop = new AbortController();
  const aborted = await made(open(), {
    targets: ['pull'],
    force: true,
    signal: stop.signal,
    onEvent: ({ type }) => type === 'target-started' && stop.abort(),
  });
  expect(aborted.summary.outcome).toBe('interrupted');
  await expect(run(open(), { signal: stop.signal })).rejects.toBe(stop.signal.reason);
});

test('mistakes are thrown with the text that the command line prints', async () => {
  await expect(run(open(), { targets: ['proces'] })).rejects.toThrow(/did you mean "process"/);
  await expect(plan(open(), { targets: ['proces'] })).rejects.toThrow(UsageError);
  expect(() => open({ facter: '3' })).toThrow(/did you mean "factor"/);
});
