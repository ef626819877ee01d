import { expect, test } from 'vitest';
import type { JournalState, TargetState } from '../src/store/journal-state.ts';
import type { Entry } from '../src/store/record.ts';
import { readStore } from '../src/store/store.ts';
import type { Failure } from '../src/trace.ts';
import {
  artifact,
  BELONGING,
  checkpointRecord,
  entry,
  Machine,
  NOTHING_LEFT,
  newerLine,
  STATE,
  trace,
} from './store-fixture.ts';

const JOURNAL = 'chunk_0-00001-of-00002';
const PATH = `${STATE}/${JOURNAL}.jsonl`;
const started = entry({ status: 'started', previous: NOTHING_LEFT });
const done = entry({ status: 'done', trace: trace('d1') });
const failure: Failure = { code: 'timeout', message: 'No end', mayPass: true };

function claims(state: JournalState): TargetState {
  const target = state.targets.get('process:claims');
  if (target === undefined) throw new Error('nothing is recorded of process:claims');
  return target;
}

/** A machine on which run r1 recorded these entries and ended cleanly. */
async function after(entries: readonly Entry[]): Promise<Machine> {
  const machine = new Machine();
  const store = machine.open('r1');
  for (const each of entries) store.append(JOURNAL, each);
  await store.end();
  return machine;
}

test('a trace of a run that ended cleanly is proven', async () => {
  const machine = await after([started, done]);
  for (const store of [machine.read(), machine.open('r2')]) {
    const target = claims(store.load(JOURNAL));
    expect(target).toMatchObject({ status: 'done', attempt: 1, proven: true, provenBy: 'r1' });
    expect(target.trace).toEqual(trace('d1'));
    expect(store.journals()).toEqual([JOURNAL]);
  }
});

test('a journal that does not exist has no targets, and nothing is read for it', () => {
  const machine = new Machine();
  const store = machine.open('r1');
  machine.fs.onCall = () => expect.fail('no call is needed');
  expect(store.load('chunk_9').targets.size).toBe(0);
  expect(() => store.append('../outside', started)).toThrow(RangeError);
});

test('started voids the trace and keeps the paths of all that may lie on disk', async () => {
  const manifest = {
    ...artifact('audit/m.parquet'),
    files: 9,
    totalBytes: 90,
    totalRows: 9,
  };
  const machine = await after([
    started,
    entry({ status: 'done', trace: trace('d1', { manifest }) }),
    entry(
      { status: 'started', previous: { paths: ['flat/old.parquet'], manifests: [] } },
      { attempt: 2 },
    ),
    entry({ status: 'failed', failure, log: 'logs/a.log' }, { attempt: 2 }),
  ]);
  const target = claims(machine.read().load(JOURNAL));
  expect(target).toMatchObject({ status: 'failed', attempt: 2, trace: undefined, proven: false });
  expect(target.previous).toEqual({
    paths: ['flat/old.parquet', 'flat/d1.parquet'],
    manifests: ['audit/m.parquet'],
  });
  expect(target.failure).toMatchObject({ failure, log: 'logs/a.log' });
});

test('done forgets failures, checkpoints and leftovers of attempts before', async () => {
  const work = { fields: trace('d1').fields, inputs: {} };
  const machine = await after([
    entry({
      status: 'started',
      previous: { paths: ['flat/old.parquet'], manifests: [] },
      work,
    }),
    entry({ status: 'checkpoint', checkpoint: checkpointRecord(5, 1) }),
    entry({ status: 'failed', failure, log: 'logs/a.log' }),
    entry({ status: 'started', previous: NOTHING_LEFT, work }, { attempt: 2 }),
    entry({ status: 'done', trace: trace('d2') }, { attempt: 2 }),
  ]);
  const target = claims(machine.read().load(JOURNAL));
  expect(target).toMatchObject({ failure: undefined, checkpoint: undefined });
  expect(target.previous).toEqual({ paths: ['flat/d2.parquet'], manifests: [] });
});

test('a checkpoint counts for its own attempt and those that go on from it', async () => {
  const work = { fields: trace('d1').fields, inputs: { pull: 'd0' } };
  const checkpoint = checkpointRecord(5, { byte: 7 });
  const first = [
    entry({ status: 'started', previous: NOTHING_LEFT, work }),
    entry({ status: 'checkpoint', checkpoint }),
    entry({ status: 'interrupted' }),
  ];
  const start = { status: 'started', previous: NOTHING_LEFT, work } as const;
  const again = entry(start, { attempt: 2 });
  const goesOn = entry({ ...start, resumed: true }, { attempt: 2 });
  const check = async (more: readonly Entry[]) =>
    claims((await after([...first, ...more])).read().load(JOURNAL)).checkpoint;
  expect(await check([])).toEqual({ record: checkpoint, work });
  expect(await check([goesOn])).toEqual({
    record: checkpoint,
    work,
  });
  expect(await check([again])).toBeUndefined();
});

test('released and accepted leave the trace valid', async () => {
  const machine = await after([
    started,
    done,
    entry({ status: 'accepted', trace: trace('d2'), who: 'ann', why: 'only the name changed' }),
    entry({ status: 'released', paths: ['flat/d2.parquet'], manifests: [], bytes: 10 }),
  ]);
  const target = claims(machine.read().load(JOURNAL));
  expect(target).toMatchObject({
    status: 'released',
    trace: trace('d2'),
    proven: true,
    released: { paths: ['flat/d2.parquet'], bytes: 10 },
    accepted: { who: 'ann', why: 'only the name changed' },
  });
});

test('the step of the last line and the notes of groups are kept per journal', async () => {
  const machine = await after([
    started,
    done,
    entry({ status: 'note', text: 'pushed' }, { target: 'push:claims@chunk=0', step: 4 }),
  ]);
  const state = machine.read().load(JOURNAL);
  expect(state.step).toBe(4);
  expect(state.notes).toEqual(new Map([['push:claims@chunk=0', { attempt: 1 }]]));
  expect([...state.targets.keys()]).toEqual(['process:claims']);
});

test('a run without a clean end is known, and its traces are unproven until verified', async () => {
  const machine = new Machine();
  const first = machine.open('r1');
  first.append(JOURNAL, started);
  first.append(JOURNAL, done);
  await first.flush();
  machine.fs = machine.fs.restart();

  const second = machine.open('r2');
  expect(second.unendedRuns()).toMatchObject([{ run: 'r1', pid: 7, command: 'pipeline process' }]);
  const target = claims(second.load(JOURNAL));
  expect(target).toMatchObject({ proven: false, provenBy: 'r1', trace: trace('d1') });
  const mtimes = { artifacts: { 'flat/d1.parquet': 2000 } };
  second.append(JOURNAL, entry({ status: 'verified', of: target.traceId ?? '', mtimes }));
  expect(claims(second.load(JOURNAL))).toMatchObject({ proven: true, provenBy: 'r2' });
  expect(claims(second.load(JOURNAL)).trace?.artifacts[0]?.mtimeMs).toBe(2000);
  second.recordRecovered('r1');
  expect(second.unendedRuns()).toEqual([]);
  await second.end();

  expect(claims(machine.read().load(JOURNAL)).proven).toBe(true);
  expect(machine.read().unendedRuns()).toEqual([]);
});

test('what is appended is durable within 100 ms, one sync for all', async () => {
  const machine = new Machine();
  const store = machine.open('r1');
  await store.flush();
  const before = machine.fs.operations.length;
  store.append(JOURNAL, started);
  store.append('@chunk=0', entry({ status: 'interrupted' }, { target: 'push' }));
  await machine.clock.advance(90);
  expect(machine.fs.operations.slice(before).map(({ call }) => call)).toEqual(['append', 'append']);
  await machine.clock.advance(10);
  expect(machine.fs.operations.at(-1)).toMatchObject({
    call: 'sync',
    path: `${PATH} ${STATE} ${STATE}/@chunk=0.jsonl`,
  });
  expect(machine.clock.waiting).toBe(0);
  machine.fs = machine.fs.restart(() => 0);
  expect(machine.read().journals()).toEqual([JOURNAL, '@chunk=0']);
});

test('a half-written line is cut off before the next append', async () => {
  const machine = new Machine();
  const store = machine.open('r1');
  store.append(JOURNAL, started);
  machine.fs.freeBytes = 50;
  expect(() => store.append(JOURNAL, done)).toThrow('ENOSPC');
  expect(machine.read().load(JOURNAL).tornBytes).toBe(50);
  expect(() => store.append(JOURNAL, done)).toThrow('ENOSPC');
  machine.fs.freeBytes = 10_000;
  store.append(JOURNAL, done);
  await store.end();
  const state = machine.read().load(JOURNAL);
  expect(state).toMatchObject({ tornBytes: 0, damagedLines: [] });
  expect(claims(state)).toMatchObject({ proven: true, trace: trace('d1') });
});

test('after a failed sync nothing is promised any more, and the run does not end cleanly', async () => {
  const machine = new Machine();
  const store = machine.open('r1');
  store.append(JOURNAL, started);
  store.append(JOURNAL, done);
  machine.fs.failNext('sync', 'EIO');
  await machine.clock.advance(200);
  expect(() => store.append(JOURNAL, done)).toThrow('EIO');
  await expect(store.flush()).rejects.toThrow('EIO');
  await expect(store.end()).rejects.toThrow('EIO');
  expect(claims(machine.open('r2').load(JOURNAL)).proven).toBe(false);
});

test('a reader skips a torn tail; the next writer cuts it and distrusts what came before', async () => {
  const machine = await after([started, done]);
  const whole = machine.fs.text(PATH) ?? '';
  machine.fs.put(PATH, `${whole}{"target":"pro`);
  expect(claims(machine.read().load(JOURNAL)).trace).toEqual(trace('d1'));
  expect(machine.fs.text(PATH)).toBe(`${whole}{"target":"pro`);

  const store = machine.open('r2');
  expect(store.load(JOURNAL)).toMatchObject({ tornBytes: 14 });
  expect(machine.fs.text(PATH)).toMatch(/"status":"cut".*"bytes":14,.*\n$/);
  expect(claims(store.load(JOURNAL))).toMatchObject({ trace: trace('d1'), proven: false });
  store.append(JOURNAL, entry({ status: 'started', previous: NOTHING_LEFT }, { attempt: 2 }));
  store.append(JOURNAL, entry({ status: 'done', trace: trace('d2') }, { attempt: 2 }));
  await store.end();
  expect(claims(machine.read().load(JOURNAL))).toMatchObject({ trace: trace('d2'), proven: true });
});

test('a damaged line makes every trace of the journal unproven, until it is rehashed', async () => {
  const machine = await after([
    started,
    done,
    entry({ status: 'started', previous: NOTHING_LEFT }, { target: 'pull' }),
    entry({ status: 'done', trace: trace('p1') }, { target: 'pull' }),
  ]);
  const lines = (machine.fs.text(PATH) ?? '').split('\n');
  machine.fs.put(PATH, lines.with(2, (lines[2] ?? '').replace('started', 'st4rted')).join('\n'));
  const state = machine.open('r2').load(JOURNAL);
  expect(state.damagedLines).toEqual([3]);
  expect(claims(state)).toMatchObject({ trace: trace('d1'), proven: false });
  const pull = state.targets.get('pull');
  expect(pull).toMatchObject({ trace: trace('p1'), proven: false });
  const store = machine.open('r3');
  const verified = {
    status: 'verified',
    of: pull?.traceId ?? '',
    mtimes: { artifacts: {} },
  } as const;
  store.append(JOURNAL, entry(verified, { target: 'pull' }));
  expect(store.load(JOURNAL).targets.get('pull')?.proven).toBe(true);
  expect(claims(store.load(JOURNAL)).proven).toBe(false);
});

test('what a damaged line may have begun voids the trace and the checkpoint before it', async () => {
  const work = { fields: trace('d1').fields, inputs: {} };
  const start = { status: 'started', previous: NOTHING_LEFT, work } as const;
  const checkpoint = checkpointRecord(5, 1);
  const damage = async (line: number, entries: readonly Entry[]) => {
    const machine = await after(entries);
    const lines = (machine.fs.text(PATH) ?? '').split('\n');
    const damaged = (lines[line - 1] ?? '').replace('started', 'st4rted');
    machine.fs.put(PATH, lines.with(line - 1, damaged).join('\n'));
    return claims(machine.read().load(JOURNAL));
  };
  const second = { attempt: 2 };
  expect(
    await damage(3, [
      started,
      done,
      entry(start, second),
      entry({ status: 'interrupted' }, second),
    ]),
  ).toMatchObject({ trace: undefined, attempt: 2 });
  expect(
    await damage(3, [
      entry(start),
      entry({ status: 'checkpoint', checkpoint }),
      entry(start, second),
      entry({ status: 'interrupted' }, { target: 'pull' }),
    ]),
  ).toMatchObject({ checkpoint: undefined, status: 'checkpoint' });
});

test("the original project's file is kept and written on behind its last line", async () => {
  const machine = await after([]);
  machine.fs.put(PATH, '{"step": 3}');
  const store = machine.open('r2');
  expect(store.load(JOURNAL)).toMatchObject({ foreignStep: 3, damagedLines: [], tornBytes: 0 });
  store.append(JOURNAL, started);
  await store.end();
  expect(machine.fs.text(PATH)).toMatch(/^\{"step": 3\}\n\{"target":"process:claims"/);
  expect(machine.read().load(JOURNAL)).toMatchObject({ foreignStep: 3, damagedLines: [] });
});

test('journals of a second source lie in its folder; other records are no journals', async () => {
  const machine = new Machine();
  const store = machine.open('r1');
  store.append('other/x', started);
  await store.end();
  machine.fs.put(`${STATE}/@source-rows.jsonl`, '');
  machine.fs = machine.fs.restart(() => 0);
  expect(machine.read().journals()).toEqual(['other/x']);
  expect(claims(machine.read().load('other/x')).status).toBe('started');
});

test('another pipeline, another source and a newer format are refused with what to do', async () => {
  const machine = await after([started]);
  const check = (belonging: typeof BELONGING) => {
    const opened = readStore({ fs: machine.fs, folder: STATE, belonging });
    return opened.kind === 'refused' ? opened.problem : opened.kind;
  };
  const added = { ...BELONGING, sources: { ...BELONGING.sources, more: 'more/*' } };
  expect(check(added)).toBe('open');
  expect(check({ ...BELONGING, pipeline: 'discogs' })).toMatchObject({
    code: 'other-pipeline',
    message: expect.stringContaining('it was made by "wikidata", this is "discogs"'),
  });
  expect(check({ ...BELONGING, sources: { rows: 'elsewhere/*' } })).toMatchObject({
    code: 'other-pipeline',
    message: expect.stringContaining('source "rows" was data/*.parquet, now it is elsewhere/*'),
  });
  machine.fs.put(`${STATE}/@pipeline.json`, '{"v":2,"pipeline":"wikidata","sources":{}}');
  expect(check(BELONGING)).toMatchObject({ code: 'newer-format' });
  machine.fs.put(`${STATE}/@pipeline.json`, '{"v":1');
  expect(check(BELONGING)).toMatchObject({ code: 'unreadable-state' });
});

test('a journal of a newer format is refused by name and never appended to', async () => {
  const machine = await after([]);
  machine.fs.put(PATH, newerLine());
  const store = machine.open('r2');
  expect(store.load(JOURNAL).problem).toMatchObject({
    code: 'newer-format',
    message: `state/${JOURNAL}.jsonl was written by a newer Eider (format 2, this one knows 1)`,
  });
  expect(() => store.append(JOURNAL, started)).toThrow('newer Eider');
});
