// The view of a run in real pseudo-terminals, which are resized while it runs, and in pipes that are
// closed. Skipped where there is no tmux, or no `script` as Linux has it.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROJECT, Rig, until } from './rig.ts';

const PROGRAM = `"${process.execPath}" "${join(PROJECT, 'src/bin.js')}"`;
const hasTmux = spawnSync('tmux', ['-V']).status === 0;
const hasScript = process.platform === 'linux' && spawnSync('script', ['-V']).status === 0;
if (!hasTmux) process.stderr.write('test/terminal.test.ts: no tmux here, its test is skipped\n');

let rig: Rig;

/** Two steps over six files; the second waits for the file `go`. */
beforeEach(() => {
  rig = new Rig();
  for (let file = 0; file < 6; file += 1) rig.write(`src/a-rather-long-name-${file}.txt`, 'x');
  rig.write(
    'pipeline.yaml',
    `name: shown
sources: { rows: { files: "src/*.txt" } }
steps:
  first: { each: file, run: "cp {input} {output}", outputs: "first/{key}" }
  second:
    needs: first
    each: file
    run: "while [ ! -e ${rig.path('go')} ]; do sleep 0.05; done; cp {input} {output}"
    outputs: "second/{key}"
`,
  );
});
afterEach(() => rig.close());

test.skipIf(!hasTmux)('the live view fits the terminal, also when that is resized', async () => {
  const name = `eider-test-${process.pid}`;
  const tmux = (...words: readonly string[]) =>
    execFileSync('tmux', ['-L', name, ...words], { encoding: 'utf8' });
  const lines = () => tmux('capture-pane', '-p', '-t', 'run').split('\n');
  const row = () => lines().find((line) => /second +[█▏▎▍▌▋▊▉·]+ +0\/6/.test(line)) ?? '';
  const command = `cd '${rig.root}'; env -u CI ${PROGRAM} -j 2; echo "EXIT $?"; read end`;
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', '-s', 'run', command);
  try {
    await until(() => row() !== '' && lines().some((line) => line.includes('second@a-rather')));
    const usual = row().length;
    tmux('resize-window', '-t', 'run', '-x', '40', '-y', '10');
    await until(() => row() !== '' && row().length <= 40);
    tmux('resize-window', '-t', 'run', '-x', '200', '-y', '60');
    await until(() => row().length >= usual);
    expect(tmux('display', '-p', '-t', 'run', '#{cursor_flag}').trim()).toBe('0');
    rig.write('go', '');
    await until(() => lines().some((line) => line.includes('EXIT 0')));
    expect(lines().join('\n')).toMatch(/second +6[\s\S]*Done in .*: 12 done[\s\S]*EXIT 0/);
    expect(row()).toBe('');
    expect(tmux('display', '-p', '-t', 'run', '#{cursor_flag}').trim()).toBe('1');
  } finally {
    tmux('kill-server');
  }
});

/** What a run writes to a terminal of its own. */
function onTerminal(env: NodeJS.ProcessEnv): string {
  rig.write('go', '');
  const { CI: _, NO_COLOR: __, ...inherited } = process.env;
  const options = { cwd: rig.root, env: { ...inherited, TERM: 'xterm', ...env } };
  return execFileSync('script', ['-qec', PROGRAM, '/dev/null'], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
}

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[3[0-9]m`);
const HIDDEN_CURSOR = '\u001b[?25l';

test.skipIf(!hasScript)('colours and the live view are there only where they are wanted', () => {
  const usual = onTerminal({});
  expect([COLOUR.test(usual), usual.includes(HIDDEN_CURSOR)]).toEqual([true, true]);
  rig.remove('work');
  const plain = onTerminal({ NO_COLOR: '1' });
  expect([COLOUR.test(plain), plain.includes(HIDDEN_CURSOR)]).toEqual([false, true]);
  rig.remove('work');
  const ci = onTerminal({ CI: 'true' });
  expect([ci.includes(HIDDEN_CURSOR), /second: 6 done/.test(ci)]).toEqual([false, true]);
});

test.each(['plain', 'ndjson'])('a reader that goes away stops nothing: %s', (reporter) => {
  rig.write('go', '');
  const line = `${PROGRAM} --reporter ${reporter} | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const text = execFileSync('bash', ['-c', line], { cwd: rig.root, encoding: 'utf8' });
  expect(text.trimEnd().split('\n').at(-1)).toBe('0');
  expect(rig.exists('work/default/second/a-rather-long-name-5')).toBe(true);
});
