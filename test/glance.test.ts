// The evidence of a judgement: it holds while nothing changes, and nothing can change without its
// noticing, however soon after it was taken, and whatever happens to the file it is kept in.
import { beforeEach, expect, test } from 'vitest';
import type { FileStat } from '../src/file-system.ts';
import { recheck } from '../src/run/evidence.ts';
import { decodeGlance, encodeGlance, type Glance } from '../src/run/glance-file.ts';
import { Witness } from '../src/run/witness.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';

const LOG = '/work/p/state/@runs.jsonl';
const JOURNAL = '/work/p/state/a.jsonl';
const LOCK = '/work/p/state/@lock';

/** A file system that keeps times in steps of 2 s, as FAT does. */
class CoarseFileSystem extends FakeFileSystem {
  override stat(path: string): FileStat | undefined {
    const stat = super.stat(path);
    if (stat === undefined) return undefined;
    const step = (ms: number) => Math.floor(ms / 2000) * 2000;
    return { ...stat, mtimeMs: step(stat.mtimeMs), changedMs: step(stat.changedMs) };
  }
}

let clock: FakeClock;
let fs: FakeFileSystem;

beforeEach(() => {
  clock = new FakeClock();
  fs = new FakeFileSystem(clock);
  fill();
});

function fill() {
  fs.put('/pipeline.yaml', 'name: p');
  fs.put('/in/a.csv', 'aa');
  fs.put('/work/p/out/a', 'out');
  fs.put(JOURNAL, 'done a\n');
  fs.put(LOG, 'r1\n');
}

/** What a run does that finds nothing to do; gives what it leaves. */
function judge(before: (witness: Witness) => void = () => {}): Glance | undefined {
  const witness = new Witness({ fs, clock, own: '/work' });
  witness.read('/pipeline.yaml');
  witness.read(LOCK);
  witness.create(LOCK, 'me');
  witness.list('/work/p/state');
  witness.read(LOG);
  witness.append(LOG, 'r2\n');
  for (const name of witness.list('/in') ?? []) witness.stat(`/in/${name}`);
  witness.read(JOURNAL);
  witness.read('/work/p/state/@meanings.json');
  witness.list('/work/p/out');
  before(witness);
  clock.tick(10);
  witness.remove(LOCK);
  const evidence = witness.evidence({ log: LOG });
  const said = { targets: 3, warnings: ['w'], notes: ['ä'], isSilent: false, hasRemarks: false };
  return evidence === undefined ? undefined : { call: 'run', ...said, evidence };
}

function left(before?: (witness: Witness) => void): Glance {
  const glance = judge(before);
  if (glance === undefined) throw new Error('it left nothing');
  return glance;
}

/** Looks again, through what lies on the disk; keeps what is cheaper from then on. */
function holds(glance: Glance): { readonly isSame: boolean; readonly next: Glance } {
  const kept = decodeGlance(Buffer.from(encodeGlance(glance)));
  if (kept === undefined) throw new Error('it cannot be read');
  const found = recheck(kept.evidence, { fs, clock });
  const older = found.kind === 'same' ? found.older : undefined;
  return { isSame: found.kind === 'same', next: { ...kept, evidence: older ?? kept.evidence } };
}

const CHANGES: Readonly<Record<string, () => void>> = {
  'the pipeline is another': () => fs.put('/pipeline.yaml', 'name: q'),
  'the pipeline is gone': () => fs.remove('/pipeline.yaml'),
  'a source file joins': () => fs.put('/in/b.csv', 'b'),
  'a source file leaves': () => fs.remove('/in/a.csv'),
  'a source file is another': () => fs.put('/in/a.csv', 'ab'),
  'an output is deleted': () => fs.remove('/work/p/out/a'),
  'an output has another name': () => fs.rename('/work/p/out/a', '/work/p/out/b'),
  'the folder of outputs is deleted': () => fs.remove('/work/p/out'),
  'the work folder is deleted': () => fs.remove('/work'),
  'a journal is deleted': () => fs.remove(JOURNAL),
  'a journal has other bytes': () => fs.put(JOURNAL, 'done b\n'),
  'a journal is cut': () => fs.truncate(JOURNAL, 3),
  'a journal joins': () => fs.put('/work/p/state/b.jsonl', ''),
  'the log of runs has one more': () => fs.append(LOG, 'r3\n'),
  'the log of runs is deleted': () => fs.remove(LOG),
  'a run goes on, or was killed': () => fs.create(LOCK, 'other'),
  'what was not there is there': () => fs.put('/work/p/state/@meanings.json', '{}'),
};

for (const [name, change] of Object.entries(CHANGES)) {
  test(`${name}: seen at once, and when all was at rest before`, () => {
    const young = left();
    change();
    expect(holds(young).isSame).toBe(false);

    fs = new FakeFileSystem(clock);
    fill();
    clock.tick(60_000);
    let old = left();
    for (const waitMs of [0, 10_000, 10_000]) {
      clock.tick(waitMs);
      const { isSame, next } = holds(old);
      expect(isSame).toBe(true);
      old = next;
    }
    expect(old.evidence.young).toEqual([]);
    expect(old.evidence.lists.map(({ held }) => held.kind)).toEqual(['times', 'names', 'times']);
    change();
    expect(holds(old).isSame).toBe(false);
  });
}

test('times do not stand for what was changed a moment before, nor after the clock was set back', () => {
  fs = new CoarseFileSystem(clock);
  fill();
  const glance = left();
  const before = fs.stat(JOURNAL);
  fs.put(JOURNAL, 'done b\n');
  fs.remove('/work/p/out/a');
  fs.put('/work/p/out/b', 'out');
  // Nothing but the content tells.
  expect(fs.stat(JOURNAL)).toEqual(before);
  expect(holds(glance).isSame).toBe(false);

  fill();
  clock.jump(-3_600_000);
  const future = left();
  clock.tick(10_000);
  expect(holds(future).next.evidence.young.length).toBeGreaterThan(0);
});

test('times of folders are not believed where names change without them', () => {
  class Untold extends FakeFileSystem {
    override stat(path: string): FileStat | undefined {
      const stat = super.stat(path);
      return stat?.kind === 'folder' ? { ...stat, mtimeMs: 5, changedMs: 5 } : stat;
    }
  }
  fs = new Untold(clock);
  fill();
  clock.tick(60_000);
  let glance = left();
  clock.tick(60_000);
  glance = holds(glance).next;
  fs.remove('/work/p/out/a');
  expect(holds(glance).isSame).toBe(false);
});

test('a touched pipeline is the same, and so is a lock that came and went', () => {
  const glance = left();
  fs.put('/pipeline.yaml', 'name: p');
  fs.create(LOCK, 'other');
  fs.remove(LOCK);
  expect(holds(glance).isSame).toBe(true);
});

test.for<[string, (witness: Witness) => void]>([
  ['it recorded something', (witness) => witness.append(JOURNAL, 'verified\n')],
  ['it replaced a file', (witness) => witness.replace('/work/p/state/@meanings.json', '{}')],
  ['it removed a file', (witness) => witness.remove('/work/p/out/a')],
  ['it moved a file', (witness) => witness.rename('/work/p/out/a', '/work/p/out/b')],
  ['it cut a file', (witness) => witness.truncate(JOURNAL, 3)],
  ['it still holds its lock', (witness) => witness.create(`${LOCK}.after-x`, '')],
  [
    'a file changed while it ran',
    (witness) => {
      fs.put(JOURNAL, 'done b\n');
      witness.read(JOURNAL);
    },
  ],
  [
    'names changed while it ran',
    (witness) => {
      fs.put('/in/b.csv', 'b');
      witness.list('/in');
    },
  ],
  [
    'bytes that are no text decided',
    (witness) => {
      fs.put('/rule', Buffer.from([0xff]));
      witness.read('/rule');
    },
  ],
  [
    'what it read is no file',
    (witness) => {
      const stat = fs.stat;
      fs.stat = (path) => {
        const found = stat.call(fs, path);
        return found === undefined ? undefined : { ...found, kind: 'other' };
      };
      fs.put('/dev/fd/63', 'name: p');
      witness.read('/dev/fd/63');
      fs.stat = stat;
    },
  ],
  ['another run began', () => fs.append(LOG, 'r3\n')],
])('a run leaves nothing when %s', ([, before]) => {
  expect(judge(before)).toBe(undefined);
});

test('every flipped bit and every cut of the kept file is seen', () => {
  const content = Buffer.from(encodeGlance(left()));
  expect(decodeGlance(content)).toBeDefined();
  for (let bit = 0; bit < content.length * 8; bit += 1) {
    const flipped = Buffer.from(content);
    flipped[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeGlance(flipped)).toBe(undefined);
  }
  for (let length = 0; length < content.length; length += 1) {
    expect(decodeGlance(content.subarray(0, length))).toBe(undefined);
  }
});
