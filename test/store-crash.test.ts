// Crashes at every change of the disk in a short history, with everything that was not durable
// kept, lost or torn in many ways; then the folder is opened again.
import { expect, test } from 'vitest';
import { decodeJournal, encodeRecord } from '../src/store/journal.ts';
import { foldJournal, type JournalState } from '../src/store/journal-state.ts';
import type { Entry } from '../src/store/record.ts';
import type { Store } from '../src/store/store.ts';
import { type Choose, KEEP_ALL, LOSE_ALL } from './fake-disk.ts';
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

const A = 'chunk_0-00001-of-00002';
const B = 'other/x';

type Step = readonly [journal: string, entry: Entry] | 'flush' | 'end' | 'open';

const pull = { target: 'pull', step: 1 };
const second = { attempt: 2 };
const inputs = Object.fromEntries(
  Array.from({ length: 80 }, (_, index) => [`pull@part_${index}`, 'e'.repeat(40)]),
);

const history: readonly Step[] = [
  'open',
  [A, entry({ status: 'started', previous: NOTHING_LEFT }, pull)],
  [B, entry({ status: 'started', previous: NOTHING_LEFT })],
  'flush',
  [A, entry({ status: 'done', trace: trace('p1') }, pull)],
  [B, entry({ status: 'done', trace: trace('d1', { inputs }) })],
  'end',
  'open',
  [A, entry({ status: 'started', previous: NOTHING_LEFT })],
  [B, entry({ status: 'started', previous: NOTHING_LEFT }, second)],
  'flush',
  [B, entry({ status: 'checkpoint', checkpoint: checkpointRecord(1, 1) }, second)],
  [A, entry({ status: 'interrupted' })],
  'flush',
  [B, entry({ status: 'done', trace: trace('d2') }, second)],
  'end',
];

/** How far a journal got: entries of which it is certain, and those that were begun. */
interface Progress {
  durable: number;
  begun: number;
}

interface Played {
  readonly progress: Map<string, Progress>;
  /** Runs whose end was begun: only their traces may be proven. */
  readonly ended: Set<string>;
  readonly crashed: boolean;
}

async function play(machine: Machine): Promise<Played> {
  const progress = new Map([A, B].map((name) => [name, { durable: 0, begun: 0 }]));
  const ended = new Set<string>();
  let run = 0;
  let store: Store | undefined;
  const allDurable = () => {
    for (const each of progress.values()) each.durable = each.begun;
  };
  try {
    for (const step of history) {
      if (step === 'open') {
        run += 1;
        store = machine.open(`r${run}`);
        // As the run does before it decides anything.
        for (const name of [A, B]) store.load(name);
      } else if (step === 'flush') {
        await store?.flush();
        allDurable();
      } else if (step === 'end') {
        ended.add(`r${run}`);
        await store?.end();
        allDurable();
      } else {
        const [name, each] = step;
        const own = progress.get(name);
        if (own !== undefined) own.begun += 1;
        store?.append(name, each);
      }
    }
    return { progress, ended, crashed: false };
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return { progress, ended, crashed: true };
  }
}

/** What a state says, apart from times, runs and whether it is proven. */
function plain({ targets }: JournalState): string {
  const all = [...targets].map(([name, target]) => {
    const { status, attempt, trace: last, previous, checkpoint } = target;
    return { name, status, attempt, last, previous, checkpoint };
  });
  return JSON.stringify(all);
}

function stateAfter(journal: string, count: number): string {
  const lines = history.flatMap((step) => {
    if (typeof step === 'string') return [];
    const [name, each] = step;
    return name === journal ? [encodeRecord(record(each))] : [];
  });
  return plain(foldJournal(decodeJournal(Buffer.from(lines.slice(0, count).join(''))), () => true));
}

function chooser(seed: number): Choose {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % count;
  };
}

async function check(plan: CrashPlan, choose: Choose): Promise<boolean> {
  const machine = new Machine();
  machine.fs.crashPlan = { ...plan, at: plan.at + machine.fs.operations.length };
  const { progress, ended, crashed } = await play(machine);
  machine.fs = machine.fs.restart(choose);
  machine.fs.makeFolder('/work');
  const store = machine.open('last');
  for (const [name, { durable, begun }] of progress) {
    const state = store.load(name);
    const possible = [];
    for (let count = durable; count <= begun; count += 1) possible.push(stateAfter(name, count));
    expect(possible).toContain(plain(state));
    expect(state.damagedLines).toEqual([]);
    for (const target of state.targets.values()) {
      if (target.proven) expect(ended).toContain(target.provenBy);
    }
    // Life goes on, and the new line does not join what was torn.
    store.append(name, entry({ status: 'done', trace: trace('n1') }, { target: 'new' }));
    expect(store.load(name)).toMatchObject({ tornBytes: 0, damagedLines: [] });
  }
  await store.end();
  for (const name of progress.keys()) {
    expect(machine.read().load(name).targets.get('new')).toMatchObject({
      trace: trace('n1'),
      proven: true,
    });
  }
  return crashed;
}

test('after a crash at any change a journal is in a state it went through', async () => {
  const effects: readonly CrashPlan['effect'][] = ['none', 'all', { bytes: 1 }, { bytes: 150 }];
  const choices = [KEEP_ALL, LOSE_ALL, ...[1, 2, 3, 4, 5, 6, 7, 8].map(chooser)];
  let at = 1;
  for (let crashed = true; crashed; at += 1) {
    for (const effect of effects) {
      for (const choose of choices) crashed = await check({ at, effect }, choose);
    }
  }
  expect(at).toBeGreaterThan(20);
});

test('whatever bit of the log of runs flips, no trace is proven that was not', async () => {
  const machine = new Machine();
  for (const name of ['r1', 'r2', 'r3']) {
    const store = machine.open(name);
    const target = `of ${name}`;
    store.append(A, entry({ status: 'started', previous: NOTHING_LEFT }, { target }));
    store.append(A, entry({ status: 'done', trace: trace(name) }, { target }));
    if (name === 'r2') store.abandon();
    else await store.end();
  }
  const provenIn = () => {
    const targets = [...machine.read().load(A).targets];
    return targets.flatMap(([name, { proven }]) => (proven ? [name] : []));
  };
  expect(provenIn()).toEqual(['of r1', 'of r3']);
  const path = `${STATE}/@runs.jsonl`;
  const whole = Buffer.from(machine.fs.read(path) ?? '');
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    machine.fs.put(path, flipped);
    if (provenIn().includes('of r2')) expect.fail(`bit ${bit} proves what a killed run made`);
  }
  machine.fs.put(path, whole);
  expect(provenIn()).toEqual(['of r1', 'of r3']);
});
