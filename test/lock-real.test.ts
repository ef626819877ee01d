// The lock among real processes on the real file system.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFileSystem, systemClock } from '../src/node-file-system.ts';
import { acquireLock } from '../src/store/lock.ts';
import { systemProcesses } from '../src/store/processes.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/eider-lock-`);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function contender(mode: string) {
  const script = `${import.meta.dirname}/lock-contender.ts`;
  return spawn(process.execPath, [script, folder, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outputOf({ stdout }: ReturnType<typeof contender>): Promise<string> {
  let text = '';
  for await (const piece of stdout) text += String(piece);
  return text;
}

test('of processes that race for the lock of dead ones, never two are inside', async () => {
  const outputs = await Promise.all(Array.from({ length: 5 }, () => outputOf(contender('12'))));
  const lines = outputs.join('').trim().split('\n');
  expect(lines.filter((line) => line === 'alone')).toHaveLength(60);
  expect(lines.filter((line) => line === 'taken over').length).toBeGreaterThan(0);
  expect(lines).not.toContain('VIOLATION');
});

test('after kill -9 the next run ends the processes that were left, and takes over', async () => {
  const holder = contender('hold');
  const [group] = await Array.fromAsync(first(holder.stdout));
  const processes = systemProcesses();
  const options = { fs: nodeFileSystem, clock: systemClock, folder, command: 'test', processes };
  expect(await acquireLock(options)).toMatchObject({
    kind: 'refused',
    owner: { pid: holder.pid, started: processes.startOf(holder.pid ?? 0) },
  });
  const exit = new Promise((resolve) => holder.once('exit', resolve));
  holder.kill('SIGKILL');
  await exit;
  expect(processes.startOf(Number(group))).toBeDefined();
  expect(await acquireLock(options)).toMatchObject({
    kind: 'held',
    takenOver: expect.stringMatching(
      `^Took .* pid ${holder.pid} .*; ended 1 process group that it left$`,
    ),
  });
  expect(processes.startOf(Number(group))).toBeUndefined();
  expect(processes.groupExists(Number(group))).toBe(false);
  expect(await acquireLock(options)).toMatchObject({
    kind: 'refused',
    owner: { pid: process.pid },
  });
});

async function* first(stream: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const piece of stream) {
    yield String(piece).trim();
    return;
  }
}
