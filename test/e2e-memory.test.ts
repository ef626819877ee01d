// What a small pool of memory does to targets that want more of it.
import { afterEach, expect, test } from 'vitest';
import { Rig } from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

/** Aggregates that cannot spill, over so many texts. */
function texts(count: string): string {
  return `SET temp_directory = '';
      SELECT len(list('a text that is too long to be inlined ' || i))::BIGINT AS texts,
        current_setting('memory_limit') AS memory
      FROM range(${count}) r(i)`;
}

function pipeline(steps: string): Rig {
  const rig = new Rig();
  rigs.push(rig);
  rig.write('pipeline.yaml', `name: memory\npools: { cpu: 2, memory: 700MB }\nsteps:\n${steps}\n`);
  return rig;
}

test('what runs out of memory is tried once more, alone and with all there is', async () => {
  const rig = pipeline(`
  hungry:
    matrix: { n: [2000000, 2000001] }
    sql: |
      ${texts('$n::BIGINT')}
    outputs: "hungry/{n}.parquet"
  small:
    matrix: { n: [1, 2, 3, 4, 5, 6] }
    sql: SELECT $n AS n
    outputs: "small/{n}.parquet"`);
  const run = await rig.run();
  expect([run.code, run.failed]).toEqual([0, []]);
  const retried = run.events.filter(({ type }) => type === 'target-retried');
  const told = retried.map(({ target, failure, waitMs }) => [target, failure?.code, waitMs]);
  expect(told.sort()).toEqual([
    ['hungry:2000000', 'out-of-memory', 0],
    ['hungry:2000001', 'out-of-memory', 0],
  ]);
  // All of the pool, but for what a worker takes without its database.
  const rows = await rig.rows(`FROM '${rig.path('work/default/hungry/2000000.parquet')}'`);
  expect(rows).toEqual([{ texts: '2000000', memory: '539.5 MiB' }]);
});

test('what has run out of all the memory there is says so, and is not tried a third time', async () => {
  const rig = pipeline(`
  greedy:
    retries: 5
    sql: |
      ${texts('40000000')}
    outputs: greedy.parquet`);
  const run = await rig.run();
  expect(run.code).toBe(1);
  const failed = run.events.find(({ type }) => type === 'target-failed');
  expect(failed?.failure).toMatchObject({ code: 'out-of-memory' });
  expect(failed?.failure?.hint).toContain('pools.memory');
  expect(run.events.filter(({ type }) => type === 'target-started')).toHaveLength(2);
});
