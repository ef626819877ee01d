// Deleting orphans, crashed at every change of the disk: what is gone is never taken for a result,
// and what is left is still known to be the runner's own.
import { expect, test } from 'vitest';
import { collectOrphans } from '../src/run/collect.ts';
import type { OrphanTarget } from '../src/run/orphans.ts';
import { KEEP_ALL, LOSE_ALL } from './fake-disk.ts';
import { Crash, type CrashPlan } from './fake-file-system.ts';
import { entry, Machine, trace } from './store-fixture.ts';

const WORK = '/work';
/** One journal goes as a whole, of the other one target. */
const GONE = 'chunk_0-0';
const KEPT = 'chunk_0-1';

interface Made {
  readonly journal: string;
  readonly key: string;
  readonly path: string;
}

const ORPHANS: readonly Made[] = [
  { journal: GONE, key: 'pull', path: 'data/a' },
  { journal: GONE, key: 'process', path: 'flat/a' },
  { journal: KEPT, key: 'old', path: 'old/b' },
];
const NEEDED: Made = { journal: KEPT, key: 'pull', path: 'data/b' };

async function made(): Promise<Machine> {
  const machine = new Machine();
  const store = machine.open('r1');
  for (const { journal, key, path } of [...ORPHANS, NEEDED]) {
    machine.fs.put(`${WORK}/${path}`, 'made');
    const artifact = { output: 'o', path, bytes: 4, mtimeMs: 0, sha256: 'a' };
    const done = trace(path, { artifacts: [artifact] });
    store.append(journal, entry({ status: 'done', trace: done }, { target: key }));
  }
  await store.end();
  return machine;
}

async function collect(machine: Machine): Promise<void> {
  const store = machine.open('r2');
  const targets = ORPHANS.flatMap(({ journal, key, path }): readonly OrphanTarget[] => {
    if (!store.load(journal).targets.has(key)) return [];
    const bytes = machine.fs.stat(`${WORK}/${path}`)?.bytes;
    const files = bytes === undefined ? [] : [{ path, bytes }];
    return [{ journal, key, name: key, files, bytes: bytes ?? 0 }];
  });
  const journals = store.journals().filter((journal) => journal === GONE);
  const orphans = { targets, journals, scratch: [], foreign: [] };
  await collectOrphans(orphans, { store, fs: machine.fs, work: WORK });
  await store.end();
}

function expectNothingLost(machine: Machine): void {
  const store = machine.read();
  for (const { journal, key, path } of ORPHANS) {
    const state = store.load(journal).targets.get(key);
    const isThere = machine.fs.stat(`${WORK}/${path}`) !== undefined;
    if (!isThere) expect(state?.trace).toBeUndefined();
    else expect(state?.previous.paths).toContain(path);
  }
  expect(store.load(KEPT).targets.get('pull')?.trace?.digest).toBe(NEEDED.path);
  expect(machine.fs.text(`${WORK}/${NEEDED.path}`)).toBe('made');
}

test('wherever it is cut short, nothing half deleted counts and nothing left is unknown', async () => {
  const effects: readonly CrashPlan['effect'][] = ['none', 'all', { bytes: 30 }];
  let at = 1;
  for (let crashed = true; crashed; at += 1) {
    for (const effect of effects) {
      for (const choose of [KEEP_ALL, LOSE_ALL]) {
        const machine = await made();
        machine.fs.crashPlan = { at: at + machine.fs.operations.length, effect };
        crashed = await collect(machine).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof Crash)) throw error;
            return true;
          },
        );
        machine.fs = machine.fs.restart(choose);
        expectNothingLost(machine);
        await collect(machine);
        expectNothingLost(machine);
        expect(machine.fs.files().filter((path) => /\/(flat|old|data\/a)/.test(path))).toEqual([]);
        expect(machine.fs.files()).not.toContain(`/work/state/${GONE}.jsonl`);
        expect([...machine.read().load(KEPT).targets.keys()]).toEqual(['pull']);
      }
    }
  }
  expect(at).toBeGreaterThan(10);
});
