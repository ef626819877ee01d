// Groups share the disk: later ones wait until earlier ones are freed, and a full disk is waited for.
import { afterEach, expect, test } from 'vitest';
import { Rig, type Run, until } from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

/** Five chunks of two files of 1,000 bytes, copied and then freed. */
function chunks(pools: string, command = 'cp {input} {output}'): Rig {
  const rig = new Rig();
  rigs.push(rig);
  for (let chunk = 0; chunk < 5; chunk += 1) {
    for (const part of [0, 1]) rig.write(`in/c${chunk}-${part}.txt`, 'x'.repeat(1000));
  }
  rig.write(
    'pipeline.yaml',
    `name: disk
pools: { cpu: 2, ${pools} }
sources:
  main: { files: "in/*.txt", name: "c{chunk}-{part}.txt" }
steps:
  copy: { each: file, run: '${command}', outputs: "copies/{file}", retries: 0 }
  use: { needs: copy, each: chunk, run: "cat {input} > {output}", outputs: "used/{key}" }
  clean: { needs: use, each: chunk, release: [copy] }
`,
  );
  return rig;
}

/** For every copy that started, the chunks that were copied or being copied then. */
function chunksOnDisk({ events }: Run): readonly (readonly string[])[] {
  const onDisk = new Set<string>();
  return events.flatMap(({ type, target = '' }) => {
    const [, chunk = ''] = /@(?:c|chunk=)(\d)/.exec(target) ?? [];
    if (type === 'target-done' && target.startsWith('clean')) onDisk.delete(chunk);
    if (type !== 'target-started' || !target.startsWith('copy')) return [];
    onDisk.add(chunk);
    return [[...onDisk]];
  });
}

test('no more groups lie on the disk than the budget has room for', async () => {
  // A chunk counts three times its source until a release has told: 6,000 bytes each.
  const rig = chunks('disk: 12kB');
  const run = await rig.run();
  expect(run.code).toBe(0);
  const most = chunksOnDisk(run).map((found) => found.length);
  expect(Math.max(...most)).toBeLessThanOrEqual(2);
  expect(run.done.filter((target) => target.startsWith('clean'))).toHaveLength(5);
  expect(await rig.ran()).toEqual([]);
});

test('a group that failed keeps the disk, and the run ends with its name', async () => {
  // One of its two files is copied: 1,000 bytes, beside which another 2,000 do not fit.
  const rig = chunks('disk: 2900B', 'test {key} != c2-1 && cp {input} {output}');
  const run = await rig.plain();
  expect(run.code).toBe(1);
  expect(run.text).toContain('The disk budget (pools: {disk: ..}) is held by chunk=2');
  expect(rig.exists('work/default/copies/c3-0.txt')).toBe(false);
  const again = await rig.run();
  expect(again.code).toBe(1);
  expect(again.text).toContain('"diskHeldBy":["chunk=2"]');
  rig.edit('pipeline.yaml', 'test {key} != c2-1 && ', '');
  expect((await rig.run()).code).toBe(0);
});

test('a budget that a group can never pass is refused before anything runs', async () => {
  const rig = chunks('disk: 1kB');
  const run = await rig.run();
  expect(run.code).toBe(2);
  expect(run.text).toContain(
    'pools: {disk: 1 kB} is less than the source files of chunk=0, which have 2 kB',
  );
});

test('without space a run waits, says so, and can be ended', async () => {
  const rig = chunks('keep_free: 900TB');
  const command = rig.start(['--reporter', 'ndjson']);
  await until(() => command.output().stdout.includes('"type":"paused"'));
  command.kill('SIGINT');
  const result = await command.ended;
  expect(result.code).toBe(130);
  expect(result.stdout).toContain('"group":"chunk=0"');
});
