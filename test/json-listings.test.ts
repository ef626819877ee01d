// Every listing for programs is what its published schema says, to the last field: the output of
// real commands, over work folders in many states.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closed, compile, readSchema } from './json-schema.ts';
import { Rig } from './rig.ts';

let base: Rig;
beforeAll(async () => {
  base = await Rig.small();
  expect(await base.ran()).toHaveLength(12);
});
afterAll(() => base.close());

/** Values of a listing, held against its schema; those of `repair --json` and such are lines. */
async function listing(
  rig: Rig,
  name: string,
  words: readonly string[],
): Promise<readonly string[]> {
  const { stdout } = await rig.command(words);
  const isWhole = ['status', 'graph', 'hub-ls'].includes(name);
  const texts = isWhole ? [stdout] : stdout.split('\n').filter((line) => line !== '');
  const validate = compile(closed(readSchema(name)));
  for (const text of texts) {
    expect(validate(JSON.parse(text)), `${text}\n${JSON.stringify(validate.errors)}`).toBe(true);
  }
  return texts;
}

async function copied(use: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = base.copy();
  await use(rig);
  rig.close();
}

test('status and graph', async () => {
  const [status = ''] = await listing(base, 'status', ['status', '--json']);
  expect(status).toMatch(/"file":.*"group":/s);
  expect(await listing(base, 'graph', ['graph', '--format', 'json'])).toHaveLength(1);
  await copied(async (rig) => {
    rig.write('work/default/state/chunk_0-0.jsonl', '{"step": 2}\n');
    rig.write(
      'work/default/state/chunk_0-1.jsonl',
      `oops\n${base.read('work/default/state/chunk_0-1.jsonl')}`,
    );
    await rig.command(['accept', 'process@chunk_1-0', '--set', 'factor=3', '--why', 'said']);
    const [found = ''] = await listing(rig, 'status', ['status', '--json', '--set', 'factor=3']);
    for (const word of ['foreignStep', 'damagedLines', 'accepted', '"stale"']) {
      expect(found).toContain(word);
    }
    const lines = await listing(rig, 'explain', [
      'explain',
      'process',
      '--json',
      '--set',
      'factor=3',
    ]);
    expect(lines.join()).toContain('"accepted":{"who"');
  });
});

test('explain and -n', async () => {
  await copied(async (rig) => {
    expect(await listing(rig, 'dry-run', ['-n', '--json'])).toEqual([]);
    rig.remove('work/default/merged/0.txt');
    rig.remove('work/default/state/chunk_1-0.jsonl');
    const words = ['total', 'merge', 'process', '--json', '--set', 'factor=9'];
    const found = (await listing(rig, 'explain', ['explain', ...words])).join();
    for (const kind of ['field', 'new', 'output']) expect(found).toContain(`"kind":"${kind}"`);
    const lines = await listing(rig, 'dry-run', ['-n', '--json', '--set', 'factor=9']);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.at(-1)).toMatch(/^\{"estimate"/);
  });
});

test('accept, repair and gc', async () => {
  await copied(async (rig) => {
    rig.remove('work/default/flat/chunk_0-0.parquet');
    const words = ['accept', 'process', '-n', '--json', '--set', 'factor=9'];
    const accepted = (await listing(rig, 'accept', words)).join();
    expect(accepted).toMatch(/"acceptable":true[\s\S]*"acceptable":false/);
    rig.remove('work/default/state/chunk_1-0.jsonl');
    rig.write('work/default/state/chunk_1-0.jsonl', '{"step": 2}\n');
    rig.write(
      'work/default/state/chunk_0-1.jsonl',
      `oops\n${rig.read('work/default/state/chunk_0-1.jsonl')}`,
    );
    const repaired = (await listing(rig, 'repair', ['repair', '-n', '--json'])).join();
    for (const kind of ['damaged', 'verified', 'inferred', 'foreign']) {
      expect(repaired).toContain(`"finding":"${kind}"`);
    }
  });
  await copied(async (rig) => {
    rig.remove('data/chunk_0-1.parquet');
    rig.write('work/default/results/notes.txt', 'mine');
    const found = (await listing(rig, 'gc', ['gc', '-n', '--json'])).join();
    for (const kind of ['target', 'journal', 'foreign'])
      expect(found).toContain(`"kind":"${kind}"`);
  });
});

test('history', async () => {
  await copied(async (rig) => {
    rig.edit('tasks/process.sql', 'SELECT', 'SELECTT');
    expect((await rig.run()).failed).toHaveLength(3);
    const lines = await listing(rig, 'history', ['history', '--format', 'json']);
    expect(lines).toHaveLength(12 + 3);
    expect(lines.filter((line) => line.includes('"failure":"sql-error"'))).toHaveLength(3);
  });
});

test('hub ls', async () => {
  const rig = new Rig();
  expect((await rig.command(['init', '--template', 'hub', '--yes'])).code).toBe(0);
  expect(await listing(rig, 'hub-ls', ['hub', 'ls', '--json'])).toEqual(['{"repos":[]}\n']);
  expect((await rig.run()).code).toBe(0);
  const [found = ''] = await listing(rig, 'hub-ls', ['hub', 'ls', '--json']);
  expect(found).toMatch(/"branches":\{"main":"[0-9a-f]{40}"\}/);
  rig.close();
});

test('every field in every schema of a listing has a description', () => {
  const names = readdirSync(new URL('../schema', import.meta.url))
    .map((file) => file.replace('.schema.json', ''))
    .filter((name) => !['events', 'pipeline'].includes(name));
  expect(names.length).toBeGreaterThan(7);
  const bare: string[] = [];
  const look = (node: unknown, place: string) => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties') {
        for (const [field, each] of Object.entries<Record<string, unknown>>(value)) {
          const isSaid = 'description' in each || '$ref' in each || 'const' in each;
          if (!isSaid) bare.push(`${place}.${field}`);
        }
      }
      look(value, `${place}.${key}`);
    }
  };
  for (const name of names) look(readSchema(name), name);
  expect(bare).toEqual([]);
});
