// A row log over a disk that refuses, forgets and recovers: what was saved is there, and what is not
// there is noticed.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import type { RowBlock } from '../src/executor/row-block.ts';
import { holdsLog, type LogFile, RowLog, readLog } from '../src/executor/row-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'row-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;

function newPath(): string {
  files += 1;
  return join(folder, `${files}.log`);
}

function block(text: string, table = 0): RowBlock {
  const bytes = new TextEncoder().encode(text);
  return { table, rows: 1, bytes };
}

async function textsIn(path: string, length: { bytes: number; crc: number }) {
  const found: string[] = [];
  for await (const { table, bytes } of readLog(path, length)) {
    found.push(`${table}:${new TextDecoder().decode(bytes)}`);
  }
  return found;
}

/** A real file that fails where it is told. */
async function failingFile(path: string, fails: { write?: boolean; sync?: boolean }) {
  const file = await open(path, 'w');
  const full = () => Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  const failing: LogFile = {
    write: ((bytes: Uint8Array, from: number, length: number, at: number) => {
      if (fails.write !== true) return file.write(bytes, from, length, at);
      // As a full disk does: some of it still goes through.
      return file.write(bytes, from, Math.min(3, length), at).then(() => Promise.reject(full()));
    }) as LogFile['write'],
    datasync: () => (fails.sync === true ? Promise.reject(full()) : file.datasync()),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
  return failing;
}

test('what was saved is read back block by block, and what was added after it is not', async () => {
  const path = newPath();
  const log = await RowLog.open(path, undefined);
  await log.add([block('one'), block('two', 3)]);
  const saved = await log.save();
  await log.add([block('three')]);
  await log.save();
  await log.close();
  expect(holdsLog(path, saved)).toBe(true);
  const again = await RowLog.open(path, saved);
  await again.add([block('four', 1)]);
  const last = await again.save();
  await again.close();
  expect(await textsIn(path, last)).toEqual(['0:one', '3:two', '1:four']);
});

test('a save that a full disk refused is made up for by the next', async () => {
  const path = newPath();
  const fails = { write: true };
  const log = new RowLog(path, {
    file: await failingFile(path, fails),
    length: { bytes: 0, crc: 0 },
  });
  await log.add([block('one')]);
  await expect(log.save()).rejects.toThrow('ENOSPC');
  await log.add([block('two')]);
  await expect(log.save()).rejects.toThrow('ENOSPC');
  fails.write = false;
  await log.add([block('three')]);
  const saved = await log.save();
  await log.close();
  expect(await textsIn(path, saved)).toEqual(['0:one', '0:two', '0:three']);
});

test('rows are not kept in memory without end while the disk is full', async () => {
  const path = newPath();
  const file = await failingFile(path, { write: true });
  const log = new RowLog(path, { file, length: { bytes: 0, crc: 0 } });
  const much = async () => {
    for (let count = 0; count < 100; count += 1) await log.add([block('x'.repeat(1024 * 1024))]);
  };
  await expect(much()).rejects.toThrow('ENOSPC');
  await log.close();
});

test('rows that a disk forgot after a failed sync are noticed, and never gone on from', async () => {
  const path = newPath();
  const fails = { sync: true };
  const file = await failingFile(path, fails);
  const log = new RowLog(path, { file, length: { bytes: 0, crc: 0 } });
  await log.add([block('lost on the way')]);
  await expect(log.save()).rejects.toThrow('ENOSPC');
  // The page that could not be written is dropped; the next sync has nothing to complain of.
  writeFileSync(path, new Uint8Array(readFileSync(path).length));
  fails.sync = false;
  await log.add([block('kept')]);
  const saved = await log.save();
  await log.close();
  expect(holdsLog(path, saved)).toBe(false);
  await expect(textsIn(path, saved)).rejects.toThrow(/is not what was written|Invalid/);
});

test('a log that is gone, shorter or different does not hold what was saved', async () => {
  const path = newPath();
  const log = await RowLog.open(path, undefined);
  await log.add([block('one'), block('two')]);
  const saved = await log.save();
  await log.close();
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect(holdsLog(path, saved)).toBe(false);
  }
  writeFileSync(path, bytes);
  expect(holdsLog(path, saved)).toBe(true);
  truncateSync(path, bytes.length - 1);
  expect(holdsLog(path, saved)).toBe(false);
  rmSync(path);
  expect(holdsLog(path, saved)).toBe(false);
});

test('a log in another format is not read, whole as it is', async () => {
  const path = newPath();
  // A block as it was written before: its head, and a row as text.
  const bytes = Buffer.from(
    '\x00\x00\x00\x00\x01\x00\x00\x00\x06\x00\x00\x00\x06\x00\x00\x00"one"\n',
  );
  writeFileSync(path, bytes);
  const length = { bytes: bytes.length, crc: crc32(bytes) };
  expect(holdsLog(path, length)).toBe(false);
  await expect(textsIn(path, length)).rejects.toThrow(/is not what was written/);
});
