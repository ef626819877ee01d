// Compaction of journals: the state is the same before and after, whatever was recorded, and
// wherever a crash interrupts it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COMPACT_FROM_BYTES, compactJournal } from '../src/store/compact.ts';
import { decodeJournal, encodeRecord } from '../src/store/journal.ts';
import { foldJournal, type JournalState } from '../src/store/journal-state.ts';
import type { Entry, EntryBody, InnerBody } from '../src/store/record.ts';
import { KEEP_ALL, LOSE_ALL } from './fake-disk.ts';
import { Crash, type CrashPlan } from './fake-file-system.ts';
import {
  checkpointRecord,
  entry,
  Machine,
  NOTHING_LEFT,
  record,
  STATE,
  trace,
} from './store-fixture.ts';

/** All that a journal says; whether a trace is proven depends on the runs that ended cleanly. */
function plain(state: JournalState): unknown {
  const targets = [...state.targets].map(([name, target]) => {
    const { status, at, attempt, trace: last, traceId, proven, provenBy, previous } = target;
    const { checkpoint, released, accepted, failure } = target;
    const first = { name, status, at, attempt, last, traceId, proven, provenBy, previous };
    return { ...first, checkpoint, released, accepted, failure };
  });
  const { notes, step, foreignStep, damagedLines, tornBytes, problem } = state;
  return { targets, notes: [...notes], step, foreignStep, damagedLines, tornBytes, problem };
}

function sorted(state: JournalState): string {
  const lines = JSON.stringify(plain(state), (_, value: unknown) =>
    Array.isArray(value) && value.every((item) => typeof item === 'object')
      ? value.map((item) => JSON.stringify(item)).sort()
      : value,
  );
  return lines;
}

const paths = fc.subarray(['flat/a', 'flat/b', 'flat/c'], { minLength: 0 });
const failure = { code: 'timeout', message: 'no end', mayPass: true } as const;
const large = Object.fromEntries(
  Array.from({ length: 80 }, (_, index) => [`pull@part_${index}`, 'e'.repeat(60)]),
);

interface Drawn {
  readonly target: string;
  /** How much the attempt's number grows. */
  readonly grow: number;
  readonly run: string;
  readonly kind: number;
  readonly paths: readonly string[];
  readonly digest: string;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  target: fc.constantFrom('pull', 'process:claims'),
  grow: fc.constantFrom(0, 0, 0, 1, 1, -1),
  run: fc.constantFrom('r1', 'r2', 'r3'),
  kind: fc.nat({ max: 13 }),
  paths,
  digest: fc.constantFrom('d1', 'd2', 'd3'),
});

/** Lines in the order drawn; a `verified` names the trace of then, now and then another. */
function journalText(steps: readonly Drawn[]): string {
  let text = '';
  const attempts = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    // An attempt begins with a number of its own.
    const highest = attempts.get(step.target) ?? 1;
    const attempt = Math.max(1, highest + (step.kind < 4 ? 1 : step.grow));
    attempts.set(step.target, Math.max(highest, attempt));
    const head = {
      target: step.target,
      step: index % 5,
      attempt,
      at: `2026-01-01T00:00:${String(index).padStart(2, '0')}.000Z`,
      run: step.run,
    };
    const now = foldJournal(decodeJournal(Buffer.from(text)), () => true).targets.get(step.target);
    text += encodeRecord({ ...head, ...bodyOf(step, now?.traceId ?? 'none') });
  }
  return text;
}

function bodyOf({ kind, paths: some, digest }: Drawn, of: string): EntryBody | CutBody {
  const fields = { ...trace('d0').fields, with: { digest } };
  const made = trace(digest, { artifacts: [], inputs: kind === 5 ? large : { pull: 'd0' } });
  switch (kind) {
    case 0:
    case 1:
      return { status: 'started', previous: { paths: some, manifests: some.slice(0, 1) } };
    case 2:
      return { status: 'started', previous: NOTHING_LEFT, work: { fields, inputs: {} } };
    case 3:
      return {
        status: 'started',
        previous: { paths: some, manifests: [] },
        work: { fields, inputs: {} },
        resumed: true,
      };
    case 4:
    case 5:
      return { status: 'done', trace: trace(digest, made) };
    case 6:
      return { status: 'failed', failure, log: 'logs/a' };
    case 7:
      return { status: 'interrupted' };
    case 8:
      return { status: 'released', paths: some, manifests: [], bytes: 3 };
    case 9:
      return { status: 'accepted', trace: trace(`${digest}-a`), who: 'me', why: 'so' };
    case 10:
      return {
        status: 'verified',
        of: some.length === 3 ? 'other' : of,
        mtimes: { artifacts: Object.fromEntries(some.map((path) => [path, some.length])) },
      };
    case 11:
      return { status: 'checkpoint', checkpoint: checkpointRecord(1, digest) };
    case 12:
      return { status: 'note', text: 'for people' };
    default:
      return { status: 'cut', bytes: 7 };
  }
}
type CutBody = Extract<InnerBody, { status: 'cut' }>;

test('a compacted journal means what it meant, and compacting it again changes nothing', () => {
  fc.assert(
    fc.property(
      fc.array(drawn, { maxLength: 25 }),
      fc.subarray(['r1', 'r2', 'r3'], { minLength: 0 }),
      (steps, clean) => {
        const isClean = (run: string) => clean.includes(run);
        const before = decodeJournal(Buffer.from(journalText(steps)));
        const text = compactJournal(before);
        const after = decodeJournal(Buffer.from(text));
        expect(sorted(foldJournal(after, isClean))).toBe(sorted(foldJournal(before, isClean)));
        expect(after.bytes.length).toBeLessThanOrEqual(before.bytes.length);
        expect(compactJournal(after)).toBe(text);
      },
    ),
    { numRuns: 1500 },
  );
});

test('what follows a compaction means what it would have meant without', () => {
  fc.assert(
    fc.property(
      fc.array(drawn, { maxLength: 15 }),
      fc.array(drawn, { minLength: 1, maxLength: 5 }),
      (first, then) => {
        const whole = journalText([...first, ...then]);
        const start = journalText(first);
        const short = compactJournal(decodeJournal(Buffer.from(start)));
        const state = (text: string) => foldJournal(decodeJournal(Buffer.from(text)), () => true);
        expect(sorted(state(short + whole.slice(start.length)))).toBe(sorted(state(whole)));
      },
    ),
    { numRuns: 1000 },
  );
});

test('forgotten targets leave nothing behind', () => {
  const text = ['pull', 'process:claims', 'pull']
    .map((target, index) =>
      encodeRecord(record(entry({ status: 'done', trace: trace(`d${index}`) }, { target }))),
    )
    .join('');
  const options = { forget: new Set(['pull']) };
  const after = decodeJournal(
    Buffer.from(compactJournal(decodeJournal(Buffer.from(text)), options)),
  );
  expect(after.lines.map(({ target }) => target)).toEqual(['process:claims']);
});

const NAME = 'chunk_0-00001-of-00002';
const attempts = 400;
/** Long as a failure may be told. */
const long = { ...failure, message: 'no end '.repeat(100) };

/** A target that failed more often than anybody wants to read. */
function grown(): string {
  const done = entry({ status: 'done', trace: trace('d1') });
  const lines = [encodeRecord(record(done))];
  for (let attempt = 2; attempt <= attempts; attempt += 1) {
    const previous = { paths: ['flat/d1.parquet'], manifests: [] };
    const begun: Entry = entry({ status: 'started', previous }, { attempt });
    lines.push(encodeRecord(record(begun)));
    lines.push(
      encodeRecord(record(entry({ status: 'failed', failure: long, log: 'l' }, { attempt }))),
    );
  }
  return lines.join('');
}

async function play(machine: Machine): Promise<void> {
  const store = machine.open('r2');
  await store.flush();
  store.load(NAME);
  store.append(NAME, entry({ status: 'interrupted' }, { attempt: attempts }));
  await store.flush();
}

test('a journal that grew large is compacted by the next who may write it', async () => {
  const machine = new Machine();
  machine.fs.put(`${STATE}/${NAME}.jsonl`, grown());
  const before = sorted(machine.read().load(NAME));
  machine.read().load(NAME);
  expect(machine.fs.text(`${STATE}/${NAME}.jsonl`)?.length).toBeGreaterThan(COMPACT_FROM_BYTES);
  const store = machine.open('r2');
  expect(sorted(store.load(NAME))).toBe(before);
  expect(machine.fs.text(`${STATE}/${NAME}.jsonl`)?.length).toBeLessThan(5000);
  expect(sorted(store.load(NAME))).toBe(before);
  await store.end();
});

test('a crash while a journal is compacted loses nothing of it', async () => {
  const effects: readonly CrashPlan['effect'][] = ['none', 'all', { bytes: 100 }];
  let at = 1;
  for (let crashed = true; crashed; at += 1) {
    for (const effect of effects) {
      for (const choose of [KEEP_ALL, LOSE_ALL]) {
        const machine = new Machine();
        machine.fs.put(`${STATE}/${NAME}.jsonl`, grown());
        const before = machine.read().load(NAME).targets.get('process:claims');
        machine.fs.crashPlan = { at: at + machine.fs.operations.length, effect };
        crashed = await play(machine).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof Crash)) throw error;
            return true;
          },
        );
        machine.fs = machine.fs.restart(choose);
        machine.fs.makeFolder(STATE);
        const after = machine.open('r3').load(NAME).targets.get('process:claims');
        expect(after?.previous).toEqual(before?.previous);
        expect(after?.attempt).toBe(attempts);
        // What was flushed is there whatever became of the folder.
        expect(after?.status).toBe(
          crashed && after?.status === 'failed' ? 'failed' : 'interrupted',
        );
      }
    }
  }
  expect(at).toBeGreaterThan(4);
});
