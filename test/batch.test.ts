import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formGroups } from '../src/plan/batch.ts';
import type { SourceFile } from '../src/plan/catalog.ts';

const byChunk = { name: 'batch', of: 'chunk', atLeastBytes: 100, files: undefined };
const byNumber = { name: 'batch', of: undefined, atLeastBytes: 0, files: 2 };

function file(key: string, chunk: string, bytes: number): SourceFile {
  return { path: `/in/${key}`, key, bytes, mtimeMs: 1, captures: [chunk] };
}

function form(
  files: readonly SourceFile[],
  options: { kind?: typeof byChunk | typeof byNumber; recorded?: Record<string, string> } = {},
) {
  const { kind = byChunk, recorded = {} } = options;
  return formGroups(files, { kind, captures: ['chunk'], recorded });
}

test('whole chunks are joined until they are large enough, the rest is a group of its own', () => {
  const files = [file('a', '0', 60), file('b', '0', 10), file('c', '1', 40), file('d', '2', 5)];
  expect(form(files)).toEqual({ a: '0', b: '0', c: '0', d: '1' });
});

test('a chunk that is large by itself is a group by itself', () => {
  expect(form([file('a', '0', 500), file('b', '1', 100)])).toEqual({ a: '0', b: '1' });
});

test('single files are joined by number', () => {
  const files = [file('a', '0', 1), file('b', '0', 1), file('c', '0', 1)];
  expect(form(files, { kind: byNumber })).toEqual({ a: '0', b: '0', c: '1' });
});

test('what was recorded never changes, and later files form new groups', () => {
  const files = [file('a', '0', 60), file('a2', '0', 60), file('c', '1', 40), file('d', '2', 90)];
  const recorded = { a: '0', c: '0', gone: '7' };
  expect(form(files, { recorded })).toEqual({ a: '0', c: '0', a2: '8', d: '8' });
});

test('every file has one group, chunks stay whole, and forming again changes nothing', () => {
  const listings = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 80 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(listings, fc.nat(30), (sizes, cut) => {
      const files = sizes.map(([chunk, bytes], index) => file(`f${index}`, String(chunk), bytes));
      const early = form(files.slice(0, cut));
      const all = form(files, { recorded: early });
      expect(Object.keys(all)).toHaveLength(files.length);
      expect(all).toMatchObject(early);
      expect(form(files, { recorded: all })).toEqual(all);
      if (cut === 0) {
        const groups = new Map(files.map(({ key, captures }) => [captures[0], all[key]]));
        for (const { key, captures } of files) expect(all[key]).toBe(groups.get(captures[0]));
      }
    }),
  );
});
