// How far a SQL target says it is: from what DuckDB says, what was read, and how long statements took.
import { afterEach, expect, test, vi } from 'vitest';
import { watchProgress } from '../src/executor/sql-progress.ts';
import { splitStatements } from '../src/executor/sql-text.ts';
import type { Progress } from '../src/task.ts';

afterEach(() => vi.useRealTimers());

/** A script of two definitions and three statements that work, over an input of 1,000 bytes. */
function watch(name: string) {
  const text = `SET x = 1; CREATE TEMP MACRO ${name}(a) AS a;
    CREATE TEMP TABLE one AS SELECT 1; CREATE TABLE two AS SELECT 2; SELECT 3`;
  const engine = { percent: 0, readBytes: 5000 };
  const told: Progress[] = [];
  const file = { path: 'x', bytes: 1000, sha256: undefined, rows: undefined };
  const watched = watchProgress(
    {
      order: { inputs: [{ name: 'x', files: [file], manifests: [] }] },
      control: { progress: (progress) => void told.push(progress) },
    },
    {
      text,
      statements: splitStatements(text),
      percent: () => engine.percent,
      readBytes: () => engine.readBytes,
    },
  );
  /** What it says after so much time. */
  const after = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return told.at(-1);
  };
  return { watched, engine, after };
}

const bytes = (done: number): Progress => ({ done, total: 1000, unit: 'bytes' });

test('definitions are nothing, a scan is as far as it has read, and it never goes back', () => {
  vi.useFakeTimers();
  const { watched, engine, after } = watch('first');
  watched.next();
  watched.next();
  expect(after(500)).toEqual(bytes(0));
  engine.readBytes += 600;
  expect(after(500)).toEqual(bytes(200));
  watched.next();
  expect(after(500)).toEqual(bytes(333));
  engine.percent = 50;
  expect(after(500)).toEqual(bytes(500));
  engine.percent = 10;
  expect(after(500)).toEqual(bytes(500));
  watched.next();
  watched.share(1);
  expect(after(500)).toEqual(bytes(1000));
  watched.end();
});

test('the next target with the same script counts statements by what they took', () => {
  vi.useFakeTimers();
  const first = watch('again');
  for (const ms of [0, 0, 7000, 1000, 2000]) {
    first.after(ms);
    first.watched.next();
  }
  first.watched.end();
  const { watched, engine, after } = watch('again');
  for (let statement = 0; statement < 3; statement++) watched.next();
  expect(after(500)).toEqual(bytes(700));
  engine.percent = 50;
  expect(after(500)).toEqual(bytes(750));
  watched.end();
});

test('a target that was cut short says nothing about the next one', () => {
  vi.useFakeTimers();
  const first = watch('cut');
  first.watched.next();
  first.watched.end();
  const { watched, after } = watch('cut');
  watched.next();
  watched.next();
  watched.next();
  expect(after(500)).toEqual(bytes(333));
  watched.end();
});
