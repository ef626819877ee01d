// A task that is edited while a run goes on: what is recorded is the code that ran.
import { afterEach, expect, test } from 'vitest';
import { CONTRACT, Rig } from './rig.ts';

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

/** A task that edits itself and dies, so that another worker loads the edited code. */
const FIRST = `import { defineTask } from '${CONTRACT}';
import * as fs from 'node:fs';
const word = 'first';
export default defineTask({ async run({ outputs }) {
  if (word === 'first') {
    const text = fs.readFileSync(import.meta.filename, 'utf8');
    fs.writeFileSync(import.meta.filename, text.replace("word = 'first'", "word = 'second'"));
    process.kill(process.pid, 'SIGKILL');
  }
  fs.writeFileSync(outputs.output.path, word);
} });
`;

test('a result of code that was edited meanwhile is not taken for one of the code before', async () => {
  const rig = new Rig();
  rigs.push(rig);
  rig.write('pipeline.yaml', 'name: edit\nsteps:\n  tell: { task: tell, outputs: told }\n');
  rig.write('tasks/tell.ts', FIRST);
  expect(await rig.ran()).toEqual(['tell']);
  expect(rig.read('work/default/told')).toBe('second');
  // Of the edited code it is the result: nothing is to do.
  expect(await rig.ran()).toEqual([]);
  // Of the code before it is none.
  rig.write('tasks/tell.ts', FIRST.replace("=== 'first'", "=== 'never'"));
  expect(await rig.ran()).toEqual(['tell']);
  rig.write('tasks/tell.ts', FIRST);
  expect(await rig.ran()).toEqual(['tell']);
  rig.write('tasks/tell.ts', FIRST);
  rig.write('tasks/tell.ts', FIRST);
  expect((await rig.command(['-n'])).stdout).toContain('tasks/tell.ts');
});
