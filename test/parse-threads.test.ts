// Pieces that threads parse: handed on in their order whatever thread is done first, read ahead while
// what was parsed waits, but not without end, and nothing is lost before a piece that cannot be read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseInThreads } from '../src/executor/parse-threads.ts';
import { loadTask } from '../src/executor/task-module.ts';

const folder = mkdtempSync(join(tmpdir(), 'parse-threads-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MODULE = join(folder, 'task.ts');
/** Works the longer the smaller a piece's number is, which is its first byte. */
writeFileSync(
  MODULE,
  `export default {
    run() {},
    parse({ bytes }) {
      const end = performance.now() + (bytes[0] % 4 === 0 ? 20 : 0);
      while (performance.now() < end);
      if (bytes[0] === 77) throw new Error('piece 77');
      return bytes[0];
    },
  };`,
);
const { code } = await loadTask(MODULE);
const data = {
  rule: { kind: 'task', module: MODULE, code },
  with: {},
  variables: {},
  tables: [],
} as const;

function pieceOf(number: number, size: number) {
  const bytes = new Uint8Array(size);
  bytes[0] = number;
  return { number, bytes, ends: Uint32Array.of(size) };
}

interface Source {
  readonly first?: number;
  readonly size: number;
  /** Cannot be read any more. */
  readonly broken?: number;
  /** Told of every piece that is read, and of the end of reading. */
  readonly onRead?: (number: number | 'ended') => void;
}

async function* source({ first = 0, size, broken = 255, onRead = () => {} }: Source) {
  try {
    for (let number = first; number < first + 60; number += 1) {
      if (number === broken) throw new Error(`cannot read ${number}`);
      onRead(number);
      yield pieceOf(number, size);
    }
  } finally {
    onRead('ended');
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

async function parsed(
  from: Source,
  onPiece: (number: number) => Promise<void> = async () => {},
): Promise<{ readonly found: readonly unknown[]; readonly problem: unknown }> {
  const found: unknown[] = [];
  const accept = async () => {};
  try {
    for await (const next of parseInThreads(source(from), { threads: 2, data, accept })) {
      expect(next.found).toBe(next.piece.number);
      found.push(next.found);
      await onPiece(next.piece.number);
    }
  } catch (error) {
    return { found, problem: error };
  }
  return { found, problem: undefined };
}

test('pieces come out in their order, whichever thread has less to do', async () => {
  expect(await parsed({ size: 10 })).toEqual({ found: numbers(60), problem: undefined });
});

test('while what was parsed waits, more is read, but only so much', async () => {
  const MIB = 1024 * 1024;
  let read = 0;
  const onRead = (number: number | 'ended') => {
    if (number !== 'ended') read = number + 1;
  };
  // As many as make 6 MiB, or two for each thread.
  for (const [size, most] of [
    [MIB, 6],
    [4 * MIB, 4],
  ] as const) {
    let ahead = 0;
    const { found } = await parsed({ size, onRead }, async (number) => {
      // These pieces wait for nothing: by the next turn all are read that may be.
      await new Promise((resolve) => setImmediate(resolve));
      ahead = Math.max(ahead, read - (number + 1));
    });
    expect(found).toEqual(numbers(60));
    expect(ahead).toBe(most);
  }
});

test('all before a piece that cannot be read is handed on first', async () => {
  const { found, problem } = await parsed({ size: 10, broken: 40 });
  expect(found).toEqual(numbers(40));
  expect(String(problem)).toContain('cannot read 40');
});

test('a piece that cannot be parsed ends the reading', async () => {
  let isEnded = false;
  const onRead = (number: number | 'ended') => {
    isEnded ||= number === 'ended';
  };
  const { found, problem } = await parsed({ first: 70, size: 10, onRead });
  expect(found).toEqual(numbers(7).map((number) => 70 + number));
  expect(String(problem)).toContain('piece 77');
  expect(isEnded).toBe(true);
});
