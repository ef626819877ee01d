// Going on from every single checkpoint of an extraction: its worker is killed just when one is saved,
// while threads parse what comes behind, and the tables must be those of an undisturbed run.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeDump } from '../examples/discogs/tasks/sample.ts';
import type { WorkListener, WorkOrder, WorkResult } from '../src/executor/executor.ts';
import { digestModule } from '../src/module-digest.ts';
import { checkpoints, output, Rig } from './executor-rig.ts';

const TASKS = join(import.meta.dirname, '../examples/discogs/tasks');
const RECORDS = 60;
/** Neither divides the other: parts are cut at checkpoints and between them. */
const [INTERVAL, PER_FILE] = [10, 25];

const rig = new Rig();
afterAll(() => rig.close());

function extraction(dump: string, scratch: string): WorkOrder {
  const module = join(TASKS, 'extract.ts');
  const code = digestModule(module, (file) => readFileSync(file, 'utf8'));
  const tables = ['label', 'label_sublabel', 'label_url', 'label_image'];
  return rig.order(
    { kind: 'task', module, code },
    {
      scratch: rig.path(`work/tmp/${scratch}`),
      inputs: [rig.outside('input', dump)],
      with: { kind: 'labels', records_per_file: PER_FILE, state_save_interval: INTERVAL },
      outputs: tables.map((name) =>
        output(name, `tables/${name}/*.parquet`, {
          contract: { module: join(TASKS, 'tables.ts'), name },
          idColumn: name === 'label' ? 'id' : 'label_id',
        }),
      ),
      maxRejects: 5,
    },
  );
}

function digests({ files }: WorkResult): readonly string[] {
  return files.map(({ path, staged }) => `${path} ${hash('sha256', readFileSync(staged))}`);
}

/** Ends the worker when the checkpoint with this number is saved. */
function killedAt(number: number, listener: Partial<WorkListener>): Partial<WorkListener> {
  let count = 0;
  return {
    checkpoint: async (record) => {
      await listener.checkpoint?.(record);
      count += 1;
      const pid = rig.groups.at(-1)?.split(' ').at(-1);
      if (count === number) process.kill(Number(pid), 'SIGKILL');
    },
  };
}

test.for(['', '.gz'])(
  'killed at any checkpoint, a dump goes on from it to the same tables: .xml%s',
  async (packed) => {
    const dump = rig.path(`discogs_20260101_labels.xml${packed}`);
    await writeDump(dump, { kind: 'labels', seed: 7, records: RECORDS });
    const { saved: all, listener } = checkpoints();
    const wanted = await rig.done(extraction(dump, 'undisturbed'), listener);
    // A checkpoint after every interval, and the one that says that all was read.
    expect(all.map(({ records }) => records)).toEqual([
      ...Array.from({ length: RECORDS / INTERVAL }, (_, index) => (index + 1) * INTERVAL),
      RECORDS,
    ]);
    for (let number = 1; number <= all.length; number += 1) {
      const { saved, listener: keeping } = checkpoints();
      const order = extraction(dump, `killed-${number}${packed}`);
      const failure = await rig.failure(order, killedAt(number, keeping));
      expect(failure.code).toBe('worker-died');
      const resume = saved.at(-1);
      expect(resume?.records).toBe(all[number - 1]?.records);
      const again = await rig.done({ ...extraction(dump, `killed-${number}${packed}`), resume });
      expect(digests(again)).toEqual(digests(wanted));
      expect(readFileSync(order.log, 'utf8')).toContain(`going on from record ${resume?.records}`);
    }
  },
);

test('killed when all is made, a dump is not read again', async () => {
  const dump = rig.path('discogs_20260102_labels.xml');
  await writeDump(dump, { kind: 'labels', seed: 8, records: RECORDS });
  const { saved, listener } = checkpoints();
  const order = extraction(dump, 'published');
  const wanted = await rig.done(order, listener);
  const resume = saved.at(-1);
  expect(resume?.records).toBe(RECORDS);
  const again = await rig.done({ ...extraction(dump, 'published'), resume });
  expect(readFileSync(order.log, 'utf8')).toContain(`going on from record ${RECORDS}`);
  expect(digests(again)).toEqual(digests(wanted));
});

test('while no checkpoint can be saved, parts are made, and the last one saved still counts', async () => {
  const dump = rig.path('discogs_20260103_labels.xml');
  await writeDump(dump, { kind: 'labels', seed: 9, records: RECORDS });
  const wanted = await rig.done(extraction(dump, 'calm'), checkpoints().listener);
  for (let count = 1; count <= RECORDS / INTERVAL; count += 1) {
    const { saved, listener } = checkpoints();
    const forgetful: Partial<WorkListener> = {
      checkpoint: async (record) => {
        if (saved.length === count) throw new Error('the journal is full');
        await listener.checkpoint?.(record);
      },
    };
    const order = extraction(dump, `full-${count}`);
    await rig.done(order, forgetful);
    const resume = saved.at(-1);
    const again = await rig.done({ ...extraction(dump, `full-${count}`), resume });
    expect(readFileSync(order.log, 'utf8')).toContain(`going on from record ${resume?.records}`);
    expect(digests(again)).toEqual(digests(wanted));
  }
});
