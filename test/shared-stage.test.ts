// Which targets stage their output side by side, and what is left of the folders.
import { expect, test } from 'vitest';
import type { OutputOrder, WorkOrder } from '../src/executor/executor.ts';
import { SharedStage } from '../src/run/shared-stage.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeFileSystem } from './fake-file-system.ts';

const output: OutputOrder = {
  name: 'output',
  path: 'out/a',
  glob: false,
  format: undefined,
  partitionBy: undefined,
  idColumn: 'id',
  contract: undefined,
};

function order(outputs: readonly Partial<OutputOrder>[], kind: 'task' | 'run' = 'task') {
  const rule: WorkOrder['rule'] =
    kind === 'task' ? { kind, module: '/m.ts', code: '' } : { kind, command: ['true'] };
  return { rule, outputs: outputs.map((each) => ({ ...output, ...each })) };
}

function newStage() {
  const fs = new FakeFileSystem(new FakeClock());
  return { fs, stage: new SharedStage(fs, '/work/tmp') };
}

test('a name is given out once, also when its target is over', () => {
  const { fs, stage } = newStage();
  const folder = stage.take(order([{ path: 'out/a' }])) ?? '';
  expect(stage.take(order([{ path: 'other/b' }]))).toBe(folder);
  expect(stage.take(order([{ path: 'other/a' }]))).toBeUndefined();
  stage.giveBack(folder);
  expect(stage.take(order([{ path: 'out/a' }]))).toBeUndefined();
  expect(fs.list('/work/tmp')).toEqual(['@shared.1']);
});

test('only a task with one plain file shares a folder', () => {
  const { stage } = newStage();
  expect(stage.take(order([{}], 'run'))).toBeUndefined();
  expect(stage.take(order([]))).toBeUndefined();
  expect(stage.take(order([{}, { path: 'out/b' }]))).toBeUndefined();
  expect(stage.take(order([{ glob: true }]))).toBeUndefined();
  expect(stage.take(order([{ partitionBy: 'language' }]))).toBeUndefined();
  expect(stage.take(order([{}]))).toBe('/work/tmp/@shared.1');
});

test('a folder that has given out all its names goes with its last target, what is left in it too', () => {
  const { fs, stage } = newStage();
  const folders = Array.from({ length: 1001 }, (_, index) =>
    stage.take(order([{ path: `out/${index}` }])),
  );
  expect(new Set(folders)).toEqual(new Set(['/work/tmp/@shared.1', '/work/tmp/@shared.2']));
  fs.put('/work/tmp/@shared.1/written late', '');
  for (let index = 0; index < 999; index += 1) stage.giveBack('/work/tmp/@shared.1');
  expect(fs.list('/work/tmp')).toContain('@shared.1');
  stage.giveBack('/work/tmp/@shared.1');
  expect(fs.list('/work/tmp')).toEqual(['@shared.2']);
  stage.close();
  expect(fs.list('/work/tmp')).toEqual([]);
});
