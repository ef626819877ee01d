import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeJournal, encodeRecord, parseRecord } from '../src/store/journal.ts';
import { foldJournal } from '../src/store/journal-state.ts';
import { LINE_LIMIT } from '../src/store/line.ts';
import type { JournalRecord } from '../src/store/record.ts';
import type { Trace } from '../src/trace.ts';
import {
  checkpointRecord,
  entry,
  NOTHING_LEFT,
  newerLine,
  record,
  trace,
} from './store-fixture.ts';

function decode(text: string | Uint8Array) {
  return decodeJournal(Buffer.from(text));
}

function records(text: string | Uint8Array): readonly (JournalRecord | undefined)[] {
  const journal = decode(text);
  const own = journal.lines.map((line, index) => ({ line, index }));
  return own
    .filter(({ line }) => line.status !== 'part' && line.status !== 'cut')
    .map(({ index }) => parseRecord(journal, index));
}

test('a line reads from left to right: target, status, step, attempt, time, run, the rest', () => {
  const started = entry({ status: 'started', previous: NOTHING_LEFT }, { step: 1 });
  expect(encodeRecord(record(started))).toBe(
    '{"target":"process:claims","status":"started","step":1,"attempt":1,' +
      '"at":"2026-01-02T03:04:05.678Z","run":"r1","previous":{"paths":[],"manifests":[]},' +
      '"v":1,"sum":"b3b44a57"}\n',
  );
  const failure = { code: 'timeout', message: 'No end', detail: 'a stack', mayPass: true } as const;
  expect(encodeRecord(record(entry({ status: 'failed', failure, log: 'logs/a.log' })))).toBe(
    '{"target":"process:claims","status":"failed","step":2,"attempt":1,' +
      '"at":"2026-01-02T03:04:05.678Z","run":"r1",' +
      '"failure":{"code":"timeout","message":"No end","mayPass":true},"log":"logs/a.log",' +
      '"v":1,"sum":"84a96651"}\n',
  );
});

/** Traces from tiny to far over one line, with names that need escapes. */
const traces = fc
  .record({
    inputs: fc.dictionary(fc.string({ maxLength: 60, unit: 'binary' }), fc.string(), {
      maxKeys: 120,
    }),
    outside: fc.option(
      fc.dictionary(
        fc.string({ maxLength: 60 }),
        fc.record({ bytes: fc.nat(), mtimeMs: fc.nat() }, { noNullPrototype: true }),
        { maxKeys: 60, noNullPrototype: true },
      ),
      { nil: undefined },
    ),
    text: fc.string({ maxLength: 9000, unit: 'binary' }),
  })
  .map(({ inputs, outside, text }): Trace => {
    const fields = { ...trace('d1').fields, with: { text } };
    return trace('d1', { fields, inputs: { ...inputs }, ...(outside && { outside }) });
  });

test('a record of any size comes back whole, and no line is longer than the limit', () => {
  fc.assert(
    fc.property(fc.array(traces, { minLength: 1, maxLength: 3 }), (several) => {
      const written = several.map((each) => record(entry({ status: 'done', trace: each })));
      const text = written.map(encodeRecord).join('');
      for (const line of text.split('\n')) {
        expect(Buffer.byteLength(line) + 1).toBeLessThanOrEqual(LINE_LIMIT);
      }
      expect(records(text)).toEqual(written);
    }),
    { numRuns: 200 },
  );
});

test('the inputs of a large trace stay readable, a line for some dozens of them', () => {
  const names = Array.from({ length: 200 }, (_, index) => `partition:claims@chunk_0-${index}`);
  const inputs = Object.fromEntries(names.map((name) => [name, 'f'.repeat(64)]));
  const text = encodeRecord(record(entry({ status: 'done', trace: trace('d1', { inputs }) })));
  const lines = text.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(4);
  expect(lines.slice(0, -1).every((line) => line.includes('"inputs":{"partition:'))).toBe(true);
  expect(lines.at(-1)).toContain('"artifacts":[{');
});

test('a checkpoint and leftovers of any size come back whole', () => {
  const large: JournalRecord[] = [
    record(
      entry({
        status: 'checkpoint',
        checkpoint: checkpointRecord(5, { window: 'ü"'.repeat(5000) }),
      }),
    ),
    record(
      entry({
        status: 'started',
        previous: { paths: Array.from({ length: 300 }, (_, i) => `flat/${i}.x`), manifests: [] },
      }),
    ),
  ];
  expect(records(large.map(encodeRecord).join(''))).toEqual(large);
});

test('names beyond ASCII and with quotes are read back', () => {
  const names = ['process@Zürich', 'a"b', 'c\\d', '三', ''];
  const text = names
    .map((target) => encodeRecord(record(entry({ status: 'interrupted' }, { target }))))
    .join('');
  expect(decode(text).lines.map(({ target }) => target)).toEqual(names);
});

test('only the last line can be torn; a bad line before it is damaged', () => {
  const line = encodeRecord(record(entry({ status: 'interrupted' })));
  const check = (text: string) => {
    const { lines, damaged, torn } = decode(text);
    return { whole: lines.length, damaged, torn: torn?.bytes ?? 0 };
  };
  expect(check('')).toEqual({ whole: 0, damaged: [], torn: 0 });
  expect(check(line)).toEqual({ whole: 1, damaged: [], torn: 0 });
  expect(check(`${line}{"target":"pro`)).toEqual({ whole: 1, damaged: [], torn: 14 });
  expect(check(line + line.slice(0, -1))).toEqual({
    whole: 1,
    damaged: [],
    torn: line.length - 1,
  });
  expect(check(`${line}nonsense\n`)).toEqual({ whole: 1, damaged: [], torn: 9 });
  expect(check(`${line}nonsense\n${line}`)).toEqual({ whole: 2, damaged: [2], torn: 0 });
  expect(check(`\n${line}`)).toEqual({ whole: 1, damaged: [1], torn: 0 });
  expect(check(`${line}\0\0\0\0`)).toEqual({ whole: 1, damaged: [], torn: 4 });
});

test("the original project's state files are recognised and never called damaged", () => {
  const line = encodeRecord(record(entry({ status: 'interrupted' })));
  const check = (text: string) => {
    const { foreignStep, damaged, torn, unterminated } = decode(text);
    return { foreignStep, damaged, torn, unterminated };
  };
  const fine = { damaged: [], torn: undefined, unterminated: false };
  expect(check('{"step": 3}\n')).toEqual({ ...fine, foreignStep: 3 });
  expect(check('{"step": 3}')).toEqual({ ...fine, foreignStep: 3, unterminated: true });
  expect(check('{"step": 1}\n{"step": 2}\n')).toEqual({ ...fine, foreignStep: 2 });
  expect(check(`{"file": "a", "step": 6}\n${line}`)).toEqual({ ...fine, foreignStep: 6 });
  expect(check('{"step": "x"}\n').foreignStep).toBeUndefined();
  expect(check(line.replace('interrupted', 'interrupt3d')).foreignStep).toBeUndefined();
});

test('a newer version is told from damage', () => {
  const line = encodeRecord(record(entry({ status: 'interrupted' })));
  expect(decode(line.replace('"v":1', '"v":2'))).toMatchObject({ newerVersion: undefined });
  expect(decode(newerLine())).toMatchObject({ newerVersion: 2 });
});

const accepted = record(
  entry({ status: 'accepted', trace: trace('d2'), who: 'me', why: 'same bytes' }),
);
const acceptedId = encodeRecord(accepted).slice(-11, -3);

/** A history that touches everything a line can say about its targets. */
const history: readonly JournalRecord[] = [
  record(entry({ status: 'started', previous: NOTHING_LEFT })),
  record(entry({ status: 'done', trace: trace('d1') })),
  record(entry({ status: 'started', previous: NOTHING_LEFT }, { target: 'pull', step: 1 })),
  accepted,
  record(entry({ status: 'done', trace: trace('p1') }, { target: 'pull', step: 1 })),
  record(
    entry({
      status: 'verified',
      of: acceptedId,
      mtimes: { artifacts: { 'flat/d2.parquet': 7 } },
    }),
  ),
  record(entry({ status: 'released', paths: ['flat/d2.parquet'], manifests: [], bytes: 10 })),
  record(entry({ status: 'note', text: 'pushed' }, { target: 'push@chunk=0', step: 4 })),
  record(
    entry(
      {
        status: 'started',
        previous: { paths: ['flat/d2.parquet'], manifests: [] },
        work: { fields: trace('d3').fields, inputs: {} },
      },
      { attempt: 2 },
    ),
  ),
  record(entry({ status: 'checkpoint', checkpoint: checkpointRecord(5, 1) }, { attempt: 2 })),
  record(
    entry(
      {
        status: 'failed',
        failure: { code: 'timeout', message: 'No end', mayPass: true },
        log: 'logs/a',
      },
      { attempt: 2 },
    ),
  ),
  record(entry({ status: 'started', previous: NOTHING_LEFT }, { attempt: 3 })),
  record(entry({ status: 'done', trace: trace('d3') }, { attempt: 3 })),
];

const inParts: readonly JournalRecord[] = [
  record(entry({ status: 'done', trace: trace('d1') })),
  record(entry({ status: 'started', previous: NOTHING_LEFT }, { attempt: 2 })),
  record(entry({ status: 'done', trace: trace('d2', { inputs: manyInputs(90) }) }, { attempt: 2 })),
];

function manyInputs(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, index) => `pull@part_${index}`);
  return Object.fromEntries(names.map((name) => [name, 'e'.repeat(40)]));
}

function wholeOf(records: readonly JournalRecord[]): Buffer {
  return Buffer.from(records.map(encodeRecord).join(''));
}

const isClean = () => true;

/** What matters of a state: per target the trace and all else that decides something. */
function state(text: Uint8Array) {
  const { targets, notes } = foldJournal(decode(text), isClean);
  return [...targets].map(([name, target]) => ({
    name,
    trace: target.trace,
    proven: target.proven,
    attempt: target.attempt,
    previous: target.previous,
    checkpoint: target.checkpoint,
    released: target.released,
    accepted: target.accepted,
    failure: target.failure,
    notes: notes.size,
  }));
}

test('every prefix of a journal says what its whole records say, and proves nothing when torn', () => {
  const texts = [...history, ...inParts].map(encodeRecord);
  const whole = Buffer.from(texts.join(''));
  const bare = (text: Uint8Array) =>
    JSON.stringify(state(text).map(({ proven: _, ...rest }) => rest));
  let count = 0;
  let complete = 0;
  let expected = bare(Buffer.alloc(0));
  for (let end = 0; end <= whole.length; end += 1) {
    const prefix = whole.subarray(0, end);
    const next = Buffer.byteLength(texts[count] ?? '');
    if (count < texts.length && end === complete + next) {
      count += 1;
      complete = end;
      expected = bare(Buffer.from(texts.slice(0, count).join('')));
    }
    if (bare(prefix) !== expected) expect.fail(`${end} bytes say more than ${count} records`);
    if (decode(prefix).torn !== undefined && state(prefix).some(({ proven }) => proven)) {
      expect.fail(`${end} bytes end in half a line, and something is proven`);
    }
  }
  expect(count).toBe(texts.length);
});

test.each([
  ['every bit of a history', history, 1],
  ['every bit of a history that ends in an attempt', history.slice(0, 9), 1],
  ['every bit of a history that ends in a verified trace', history.slice(0, 6), 1],
  ['every 11th bit of a trace in parts', inParts, 11],
])('%s flipped is noticed, and nothing else is believed for it', (_, records, stride) => {
  const whole = wholeOf(records);
  const before = new Map(state(whole).map((target) => [target.name, target]));
  const states = records.map((__, count) => state(wholeOf(records.slice(0, count))));
  const saved = [undefined, ...states.flat().map(({ checkpoint }) => checkpoint)];
  for (let bit = 0; bit < whole.length * 8; bit += stride) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const journal = decode(flipped);
    if (journal.damaged.length === 0 && journal.torn === undefined) {
      expect.fail(`bit ${bit} went unnoticed`);
    }
    for (const [name, target] of foldJournal(journal, isClean).targets) {
      if (target.proven && !isDeepStrictEqual(target.trace, before.get(name)?.trace)) {
        expect.fail(`bit ${bit} gives another trace of ${name}`);
      }
      const { checkpoint } = target;
      const isKnown = saved.some((other) => isDeepStrictEqual(checkpoint, other));
      if (!isKnown) expect.fail(`bit ${bit} gives a checkpoint of ${name} that never was`);
    }
  }
});
