// What the port promises, of the real file system and of the fake one alike.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { type FileSystem, makerOf, unnamedPath } from '../src/file-system.ts';
import { nodeFileSystem, systemClock } from '../src/node-file-system.ts';
import { FakeClock } from './fake-clock.ts';
import { LOSE_ALL } from './fake-disk.ts';
import { FakeFileSystem } from './fake-file-system.ts';

/** Runs a test on both, in a folder of its own. */
async function onBoth(check: (fs: FileSystem, folder: string) => unknown): Promise<void> {
  const fake = new FakeFileSystem(new FakeClock());
  fake.makeFolder('/work');
  await check(fake, '/work');
  const folder = mkdtempSync(`${tmpdir()}/eider-fs-`);
  try {
    await check(nodeFileSystem, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString();

test('files are created once, appended to, cut, replaced, renamed and removed', async () => {
  await onBoth((fs, folder) => {
    const file = `${folder}/a`;
    expect(fs.read(file)).toBeUndefined();
    expect(fs.stat(file)).toBeUndefined();
    expect(fs.create(file, 'one')).toBe(true);
    expect(fs.create(file, 'two')).toBe(false);
    fs.append(file, ' Zürich');
    expect(text(fs.read(file))).toBe('one Zürich');
    expect(fs.stat(file)).toMatchObject({ kind: 'file', bytes: 11 });
    fs.truncate(file, 3);
    expect(text(fs.read(file))).toBe('one');
    fs.replace(file, 'whole');
    fs.rename(file, `${folder}/b`);
    expect(fs.list(folder)).toEqual(['b']);
    expect(text(fs.read(`${folder}/b`))).toBe('whole');
    fs.remove(`${folder}/b`);
    fs.remove(`${folder}/b`);
    expect(fs.list(folder)).toEqual([]);
  });
});

test('folders are made with their parents, listed, and removed when empty or whole', async () => {
  await onBoth((fs, folder) => {
    fs.makeFolder(`${folder}/a/b`);
    fs.makeFolder(`${folder}/a/b`);
    fs.append(`${folder}/a/b/file`, 'x');
    expect(fs.stat(`${folder}/a`)).toMatchObject({ kind: 'folder' });
    expect(fs.list(`${folder}/a`)).toEqual(['b']);
    expect(fs.list(`${folder}/none`)).toBeUndefined();
    expect(fs.list(`${folder}/a/b/file`)).toBeUndefined();
    expect(fs.removeEmptyFolder(`${folder}/a`)).toBe(false);
    fs.rename(`${folder}/a/b`, `${folder}/c`);
    expect(text(fs.read(`${folder}/c/file`))).toBe('x');
    expect(fs.removeEmptyFolder(`${folder}/a`)).toBe(true);
    expect(fs.removeEmptyFolder(`${folder}/a`)).toBe(true);
    fs.remove(`${folder}/c`);
    expect(fs.list(folder)).toEqual([]);
  });
});

test('missing files and folders are errors of the operating system', async () => {
  await onBoth(async (fs, folder) => {
    const error = (code: string) => expect.objectContaining({ code });
    expect(() => fs.append(`${folder}/none/file`, 'x')).toThrow(error('ENOENT'));
    expect(() => fs.create(`${folder}/none/file`, 'x')).toThrow(error('ENOENT'));
    expect(() => fs.truncate(`${folder}/none`, 1)).toThrow(error('ENOENT'));
    expect(() => fs.rename(`${folder}/none`, `${folder}/a`)).toThrow(error('ENOENT'));
    await expect(fs.sync([`${folder}/none`])).rejects.toThrow(error('ENOENT'));
  });
});

test('files and folders are synced, many at once or all below a folder', async () => {
  await onBoth(async (fs, folder) => {
    const files = Array.from({ length: 200 }, (_, index) => `${folder}/${index}`);
    for (const file of files) fs.append(file, 'x');
    await fs.sync([folder, ...files]);
    await fs.sync([]);
    await fs.syncAll(folder);
  });
});

test('whole file systems are synced by one call, also several times at once', async () => {
  const isKnown = process.platform === 'linux';
  const calls = [[tmpdir()], [tmpdir(), process.cwd()], [tmpdir()]].map((folders) =>
    nodeFileSystem.syncFileSystems(folders),
  );
  expect(await Promise.all(calls)).toEqual([isKnown, isKnown, isKnown]);
  if (!isKnown) return;
  const none = nodeFileSystem.syncFileSystems([`${tmpdir()}/none/at/all`]);
  await expect(none).rejects.toThrow('ENOENT');
});

test('a created file is never seen without its content', async () => {
  const folder = mkdtempSync(`${tmpdir()}/eider-fs-`);
  writeFileSync(`${folder}/taken`, '');
  expect(nodeFileSystem.create(`${folder}/taken`, 'x')).toBe(false);
  expect(nodeFileSystem.create(`${folder}/free`, 'x')).toBe(true);
  expect(nodeFileSystem.list(folder)?.toSorted()).toEqual(['free', 'taken']);
  const unnamed = unnamedPath(`${folder}/free`, { pid: 12, count: 3 });
  expect(makerOf(unnamed.slice(folder.length + 1))).toBe(12);
  expect(makerOf('chunk_0-1.jsonl.new')).toBeUndefined();
  rmSync(folder, { recursive: true });
});

test('the real clock goes forward and calls back unless called off', async () => {
  const before = systemClock.monotonicMs();
  const calledOff = systemClock.after(1, () => expect.fail('it was called off'));
  calledOff();
  await new Promise<void>((resolve) => {
    systemClock.after(5, resolve);
  });
  expect(systemClock.monotonicMs()).toBeGreaterThan(before);
  expect(systemClock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1));
});

test('on the fake disk a power failure takes what was not synced, and only that', async () => {
  const build = async () => {
    const fs = new FakeFileSystem(new FakeClock());
    fs.makeFolder('/work');
    fs.append('/work/synced', 'one');
    fs.append('/work/half', 'one');
    await fs.sync(['/', '/work', '/work/synced', '/work/half']);
    fs.append('/work/half', 'two');
    fs.append('/work/new', 'x');
    fs.rename('/work/synced', '/work/renamed');
    return fs;
  };
  const lost = (await build()).restart(LOSE_ALL);
  expect(lost.files()).toEqual(['/work/half', '/work/synced']);
  expect(lost.text('/work/half')).toBe('one');
  const kept = (await build()).restart();
  expect(kept.files()).toEqual(['/work/half', '/work/new', '/work/renamed']);
  const dead = await build();
  dead.restart();
  expect(() => dead.append('/work/half', 'late')).toThrow('dead');
});
