// What a shell completes: the candidates, and the scripts in the shells themselves.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MOST_CANDIDATES, type NamedStep, targetCandidates } from '../src/cli/target-candidates.ts';
import { Rig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.small();
});
afterAll(() => rig.close());

/** The candidates for the last word, without what is said about them. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout, stderr, code } = await rig.command(['__complete', '--', ...words]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
}

const files = ['c0-0', 'c0-1', 'c1-0'];
const steps: readonly NamedStep[] = [
  { name: 'pull', cells: [], members: () => files, groups: () => ['c=0', 'c=1'] },
  { name: 'process', cells: ['labels', 'links'], members: () => files, groups: () => ['c=0'] },
  { name: 'total', cells: [], members: () => [''], groups: () => [] },
];

test.each([
  ['', ['pull', 'process', 'total', '@']],
  ['p', ['pull', 'process']],
  ['pu', ['pull', 'pull@']],
  ['pr', ['process', 'process@', 'process:labels', 'process:links']],
  ['process:l', ['process:labels', 'process:links']],
  ['process:la', ['process:labels', 'process:labels@']],
  [
    'process:labels@',
    ['process:labels@c=0', 'process:labels@c0-0', 'process:labels@c0-1', 'process:labels@c1-0'],
  ],
  ['@c0', ['@c0-0', '@c0-1']],
  ['@c=', ['@c=0', '@c=1']],
  ['total@', []],
  ['x', []],
] as const)('a target that begins with "%s"', (word, candidates) => {
  expect(targetCandidates(word, steps)).toEqual(candidates);
});

test('of many candidates only beginnings are given, and every one of them can be reached', () => {
  const names = Array.from({ length: 9687 }, (_, index) => `chunk_${index % 113}-${index}`);
  const many = [{ name: 'pull', cells: [], members: () => names, groups: () => [] }];
  const first = targetCandidates('@', many);
  expect(first.length).toBeLessThanOrEqual(MOST_CANDIDATES);
  expect(names.filter((name) => !first.some((each) => `@${name}`.startsWith(each)))).toEqual([]);
  const [name = ''] = names.filter((each) => each.startsWith('chunk_112-9'));
  expect(targetCandidates(`@${name}`, many)).toContain(`@${name}`);
});

test('commands, options and values are completed, of the pipeline that the words mean', async () => {
  expect(await complete('st')).toEqual(['status']);
  expect(await complete('status', '--j')).toEqual(['--json']);
  expect(await complete('hub', 'serve', '--po')).toEqual(['--port']);
  expect(await complete('--reporter', 'p')).toEqual(['plain']);
  expect(await complete('--until', 'pro')).toEqual(['process']);
  expect(await complete('--set', 'f')).toEqual(['factor=']);
  expect(await complete('log', 'merge@')).toEqual(['merge@chunk=0', 'merge@chunk=1']);
  expect(await complete('-C', '/', '-f', rig.path('pipeline.yaml'), '@chunk_1')).toEqual([
    '@chunk_1-0',
  ]);
  expect(await complete('-f', '')).toEqual([]);
});

test('it says nothing of a broken pipeline, and leaves nothing behind', async () => {
  const broken = new Rig();
  broken.write('pipeline.yaml', 'steps: [');
  const { code, text } = await broken.command(['__complete', '--', 'pu']);
  expect([code, text, readdirSync(broken.root)]).toEqual([0, '', ['pipeline.yaml']]);
  broken.close();
  expect(rig.exists('work')).toBe(false);
});

/** What bash would put in the place of the word at the cursor, which stands at the end. */
async function inBash(line: string): Promise<readonly string[]> {
  const { stdout: script } = await rig.command(['completion', 'bash']);
  // As bash itself splits: its separators are words of their own, and so is what stands between.
  const pieces = [...line.matchAll(/[:=@]+|[^\s:=@]+/g)].map(([piece]) => piece);
  if (/\s$/.test(line)) pieces.push('');
  const asked = `COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'; COMP_WORDS=("\${@:2}")
    COMP_LINE=$1; COMP_POINT=\${#1}; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _pipeline_complete && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', `${script}\n${asked}`, 'bash', line, ...pieces];
  const text = execFileSync('bash', args, { cwd: rig.root, encoding: 'utf8' });
  return text.split('\n').filter((word) => word !== '');
}

test('bash puts in only what follows its last separator', async () => {
  expect(await inBash('pipeline sta')).toEqual(['status']);
  expect(await inBash('pipeline log merge@chunk=')).toEqual(['0', '1']);
  expect(await inBash('pipeline log merge@')).toEqual(['chunk=0', 'chunk=1']);
  expect(await inBash('pnpm -s pipeline --until pro')).toEqual(['process']);
  expect(await inBash('pnpm run pipeline explain pull@chunk_1')).toEqual(['chunk_1-0']);
  expect(await inBash('pnpm install ')).toEqual([]);
});

const hasShell = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

test.skipIf(!hasShell('fish'))('fish completes the same (skipped without fish)', async () => {
  const { stdout: script } = await rig.command(['completion', 'fish']);
  const ask = (line: string) => {
    const args = ['--no-config', '-c', `${script}\ncomplete -C ${JSON.stringify(line)}`];
    const text = execFileSync('fish', args, {
      cwd: rig.root,
      encoding: 'utf8',
      env: { ...process.env, HOME: rig.root },
    });
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]]));
  };
  expect(ask('pipeline sta')).toEqual(['status']);
  expect(ask('pnpm pipeline log merge@')).toEqual(['merge@chunk=0', 'merge@chunk=1']);
});

test.skipIf(!hasShell('zsh'))('zsh completes the same (skipped without zsh)', async () => {
  const { stdout: script } = await rig.command(['completion', 'zsh']);
  rig.write('completion.zsh', script);
  // The real completion system, in a pseudo-terminal of its own, asked with a tab.
  const asked = `zmodload zsh/zpty; zpty shell zsh -f -i
    zpty -w shell "PROMPT=; cd \${(q)1}; autoload -Uz compinit; compinit -u -D; source ./completion.zsh; echo READY"
    zpty -r shell seen '*READY*READY*'
    zpty -w -n shell $'pipeline log merge@chunk=0 && pipeline valid\\t'
    zpty -r shell seen '*validate*'
    print -r -- $seen`;
  const text = execFileSync('zsh', ['-f', '-c', asked, 'zsh', rig.root], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  expect(text).toContain('validate');
});
