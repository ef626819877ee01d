// The parts of the embedded Hub that are pure: trees of files, plans of changes, ranges, routes.
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parseByteRange } from '../src/hub/server/byte-range.ts';
import { type Operation, planChanges } from '../src/hub/server/change-plan.ts';
import {
  applyChanges,
  EMPTY_FOLDER,
  type FileEntry,
  type Folder,
  filesBelow,
  folderOid,
  walk,
} from '../src/hub/server/file-tree.ts';
import { gitBlobOid } from '../src/hub/server/git-object.ts';
import { LinkSigner } from '../src/hub/server/link-signer.ts';
import { explainBadPath, isBranchName, isRepoNamePart } from '../src/hub/server/repo-name.ts';
import { matchRoute } from '../src/hub/server/route.ts';
import { uploadMode } from '../src/hub/server/upload-mode.ts';

function entry(text: string): FileEntry {
  const content = Buffer.from(text);
  const oid = gitBlobOid(content);
  return { kind: 'file', size: content.length, oid, sha256: undefined, commit: 'c' };
}

function treeOf(files: Readonly<Record<string, string>>): Folder {
  const changes = new Map(Object.entries(files).map(([path, text]) => [path, entry(text)]));
  const applied = applyChanges(EMPTY_FOLDER, changes);
  if (applied.kind === 'clash') throw new Error(applied.path);
  return applied.root;
}

function pathsOf(folder: Folder): readonly string[] {
  return [...filesBelow(folder, '')].map(({ path }) => path);
}

test('folders have the names that git gives them', () => {
  const root = treeOf({ 'a/x': 'hello\n', 'a-b/y': '', 'a.txt': 'z' });
  expect(folderOid(root)).toBe('ffacdfd6744238db5de8d9e851f18b89ee16fe0e');
});

describe('changes to a tree', () => {
  const root = treeOf({ 'a/b/c': '1', 'a/d': '2', e: '3' });
  test.each([
    ['adding', { 'a/b/f': entry('4') }, ['a/b/c', 'a/b/f', 'a/d', 'e']],
    ['removing the last file of a folder', { 'a/b/c': undefined }, ['a/d', 'e']],
    ['removing what is not there', { 'a/z': undefined, 'q/r/s': undefined }, ['a/b/c', 'a/d', 'e']],
    ['a file in place of a folder', { 'a/b/c': undefined, 'a/b': entry('5') }, ['a/b', 'a/d', 'e']],
    ['a folder in place of a file', { e: undefined, 'e/f': entry('6') }, ['a/b/c', 'a/d', 'e/f']],
  ])('%s', (_, changes, expected) => {
    const applied = applyChanges(root, new Map(Object.entries(changes)));
    expect(applied.kind === 'applied' && pathsOf(applied.root)).toEqual(expected);
    expect(pathsOf(root)).toEqual(['a/b/c', 'a/d', 'e']);
  });

  test.each([
    ['a file where a folder stays', { 'a/b': entry('5') }, 'a/b'],
    ['a folder where a file stays', { 'e/f': entry('5') }, 'e/f'],
    ['both at once', { n: entry('1'), 'n/o': entry('2') }, 'n'],
  ])('refuse %s', (_, changes, path) => {
    expect(applyChanges(root, new Map(Object.entries(changes)))).toEqual({ kind: 'clash', path });
  });
});

const segment = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'B', 'é', '日', '😀', '0', '~');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

test('pages put together are the whole listing, wherever they are cut', () => {
  void fc.assert(
    fc.property(
      fc.array(path, { maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      (paths, pageSize, recursive) => {
        let root = EMPTY_FOLDER;
        for (const at of paths) {
          const applied = applyChanges(root, new Map([[at, entry('x')]]));
          if (applied.kind === 'applied') root = applied.root;
        }
        const whole = [...walk(root, { prefix: '', recursive })].map((row) => row.path);
        expect(new Set(whole).size).toBe(whole.length);
        const paged: string[] = [];
        for (;;) {
          const after = paged.at(-1);
          const page = walk(root, { prefix: '', recursive, after }).take(pageSize);
          const rows = [...page].map((row) => row.path);
          paged.push(...rows);
          if (rows.length < pageSize) break;
        }
        expect(paged).toEqual(whole);
      },
    ),
  );
});

describe('the plan of a commit', () => {
  const tree = treeOf({ 'a/x': '1', 'a/y': '22', b: '333' });
  const add = (path: string, text: string): Operation => {
    const { oid, size, sha256 } = entry(text);
    return { kind: 'add', path, oid, size, sha256 };
  };
  test.each<[string, readonly Operation[], readonly string[], number, number]>([
    ['leaves out what is the same', [add('a/x', '1')], [], 0, 0],
    ['counts a changed file once', [add('b', '4444')], ['b'], 0, 1],
    ['keeps the last of two', [add('n', '1'), add('n', '22')], ['n'], 1, 2],
    ['forgets what came and went', [add('n', '1'), { kind: 'delete-file', path: 'n' }], [], 0, 0],
    [
      'removes a folder as it is by then',
      [add('a/z', '1'), { kind: 'delete-folder', path: 'a' }, add('a/y', '22')],
      ['a/x'],
      -1,
      -1,
    ],
  ])('%s', (_, operations, paths, filesAdded, bytesAdded) => {
    const plan = planChanges(tree, operations);
    expect(plan).toMatchObject({ kind: 'planned', filesAdded, bytesAdded });
    expect(plan.kind === 'planned' && [...plan.changes.keys()]).toEqual(paths);
  });

  test.each<readonly [string, readonly Operation[]]>([
    ['a missing file', [{ kind: 'delete-file', path: 'c' }]],
    [
      'a file twice',
      [
        { kind: 'delete-file', path: 'b' },
        { kind: 'delete-file', path: 'b' },
      ],
    ],
    ['a folder as a file', [{ kind: 'delete-file', path: 'a' }]],
    ['a missing folder', [{ kind: 'delete-folder', path: 'b' }]],
  ])('does not delete %s', (_, operations) => {
    expect(planChanges(tree, operations).kind).toBe('missing');
  });
});

test.each([
  [undefined, 10, 'whole'],
  ['bytes=0-0', 10, [0, 1]],
  ['bytes=3-', 10, [3, 7]],
  ['bytes=3-99', 10, [3, 7]],
  ['bytes=-4', 10, [6, 4]],
  ['bytes=-40', 10, [0, 10]],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=5-3', 10, 'whole'],
  ['bytes=0-1,3-4', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['lines=1-2', 10, 'whole'],
])('range %s of %i bytes is %j', (header, size, expected) => {
  const range = parseByteRange(header, size);
  expect(range.kind === 'part' ? [range.start, range.length] : range.kind).toEqual(expected);
});

const repo = { type: 'dataset', namespace: 'n', name: 'd' };

test.each([
  ['GET', '/api/datasets/n/d', { route: 'repo-info', repo, revision: 'HEAD' }],
  ['GET', '/api/datasets/n/d/revision/a%2Fb', { route: 'repo-info', repo, revision: 'a/b' }],
  ['GET', '/api/datasets/n/d/tree/main', { route: 'tree', repo, revision: 'main', path: '' }],
  ['GET', '/api/datasets/n/d/tree/main/', { route: 'tree', repo, revision: 'main', path: '' }],
  [
    'GET',
    '/api/datasets/n/d/tree/r/x%2Fk%3D%255C',
    { route: 'tree', repo, revision: 'r', path: 'x/k=%5C' },
  ],
  [
    'HEAD',
    '/datasets/n/d/resolve/r/x/%E6%97%A5',
    { route: 'resolve', repo, revision: 'r', path: 'x/日' },
  ],
  [
    'GET',
    '/n/d/raw/r/x',
    { route: 'raw', repo: { ...repo, type: 'model' }, revision: 'r', path: 'x' },
  ],
  ['POST', '/datasets/n/d.git/info/lfs/objects/batch', { route: 'lfs-batch', repo }],
  ['PUT', '/-/uploads/abc/12', { route: 'upload-part', id: 'abc', part: 12 }],
])('%s %s is a route', (method, url, match) => {
  expect(matchRoute(method, url)).toEqual({ kind: 'matched', match });
});

test.each([
  ['POST', '/api/datasets/n/d/tree/main', 'wrong-method'],
  ['GET', '/api/constructor', 'unknown'],
  ['GET', '/api/datasets/n/d/constructor/x', 'unknown'],
  ['GET', '/', 'unknown'],
  ['GET', '/datasets/n/d/resolve/main', 'unknown'],
  ['GET', '/api/datasets/n/d/tree/%ZZ', 'bad-encoding'],
])('%s %s is none: %s', (method, url, kind) => {
  expect(matchRoute(method, url).kind).toBe(kind);
});

test.each([
  '..',
  'a/../b',
  './a',
  '/a',
  'a//b',
  'a/',
  '',
  'a\0b',
  '.git/config',
  'a/.GIT/x',
  '\ud800',
])('path %j is refused', (bad) => expect(explainBadPath(bad)).toBeDefined());

test.each(['a', 'a b', 'language=%5CN', '...', 'a/..b', '日本', '#?', 'a\\b', '.gitattributes'])(
  'path %j is fine',
  (good) => expect(explainBadPath(good)).toBeUndefined(),
);

test('names of repos and branches follow the rules of the Hub', () => {
  expect(['a', 'A.b-c_d', '0'].filter(isRepoNamePart)).toHaveLength(3);
  expect(['', '.', '-a', 'a-', 'a--b', 'a..b', 'x.git', 'a/b'].filter(isRepoNamePart)).toEqual([]);
  expect(['main', 'a/b', 'v1.0'].filter(isBranchName)).toHaveLength(3);
  expect(
    ['', '.', '..', 'a..b', 'a/.b', 'a/', 'HEAD', 'refs/x', '-a'].filter(isBranchName),
  ).toEqual([]);
});

test.each([
  ['x.parquet', 10, '', 'lfs'],
  ['x.PARQUET', 10, '', 'lfs'],
  ['x.parquet', 0, '', 'regular'],
  ['README.md', 1000, '', 'regular'],
  ['big.csv', 11 << 20, 'a,b', 'lfs'],
  ['two.csv', 2 << 20, 'a,b', 'regular'],
  ['two.dat', 2 << 20, 'a\0b', 'lfs'],
])('%s of %i bytes is sent as %4$s', (path, size, sample, mode) => {
  expect(uploadMode({ path, size, sample: Buffer.from(sample) })).toBe(mode);
});

test('a link is good for what it was made for, until it expires', () => {
  const signer = new LinkSigner();
  const read = new URLSearchParams(signer.signRead('a'));
  const write = new URLSearchParams(signer.signWrite({ sha256: 'a', size: 3 }));
  expect([signer.allowsRead('a', read), signer.allowsRead('b', read)]).toEqual([true, false]);
  expect(signer.allowsRead('a', write)).toBe(false);
  expect(signer.allowedWrite('a', write)).toEqual({ sha256: 'a', size: 3 });
  expect(signer.allowedWrite('a', read)).toBeUndefined();
  const other = new URLSearchParams(write);
  other.set('size', '4');
  expect(signer.allowedWrite('a', other)).toBeUndefined();
  expect(new LinkSigner().allowsRead('a', read)).toBe(false);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3600 * 1000 });
  expect([signer.allowsRead('a', read), signer.allowedWrite('a', write)]).toEqual([
    false,
    undefined,
  ]);
  vi.useRealTimers();
});
