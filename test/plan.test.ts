import { expect, test } from 'vitest';
import { compareNaturally, keyOfFile } from '../src/plan/catalog.ts';
import { findCollisions } from '../src/plan/collision.ts';
import { forEachDependency, forEachDependent, forEachProducer } from '../src/plan/graph.ts';
import { makePlan, targetName } from '../src/plan/plan.ts';
import { selectTargets } from '../src/plan/selection.ts';
import {
  type StepSketch,
  sketchCatalog,
  sketchConfig,
  sketchGraph,
  sketchPlan,
} from './plan-fixture.ts';

const tables = ['labels', 'claims'];
const wikidata: readonly StepSketch[] = [
  { name: 'pull', each: 'file' },
  { name: 'process', each: 'file', tables, needs: ['pull'] },
  { name: 'push', each: 'chunk', tables, needs: ['process'] },
  { name: 'clean', each: 'chunk', needs: ['push'] },
  { name: 'report', needs: ['clean'] },
];

function producersOf(name: string, steps = wikidata): readonly string[] {
  const graph = sketchGraph(steps);
  const producers: string[] = [];
  for (let id = 0; id < graph.plan.targetCount; id += 1) {
    if (targetName(graph.plan, id) !== name) continue;
    forEachProducer(graph, id, (producer) => producers.push(targetName(graph.plan, producer)));
  }
  return producers;
}

test('a file target needs the same file and the same cell', () => {
  expect(producersOf('process:claims@c0-1')).toEqual(['pull@c0-1']);
});

test('a group target waits for every file of its group, cell by cell', () => {
  expect(producersOf('push:labels@chunk=0')).toEqual([
    'process:labels@c0-0',
    'process:labels@c0-1',
  ]);
});

test('a step without the matrix needs all cells', () => {
  expect(producersOf('clean@chunk=1')).toEqual(['push:labels@chunk=1', 'push:claims@chunk=1']);
});

test('a step that runs once needs every group', () => {
  expect(producersOf('report')).toEqual(['clean@chunk=0', 'clean@chunk=1']);
});

test('a file target that needs a group target needs the group it belongs to', () => {
  const steps: readonly StepSketch[] = [
    { name: 'plan', each: 'chunk' },
    { name: 'use', each: 'file', needs: ['plan'] },
  ];
  expect(producersOf('use@c1-2', steps)).toEqual(['plan@chunk=1']);
});

test('between two sources everything needs everything through one barrier', () => {
  const graph = sketchGraph(
    [
      { name: 'left', each: 'file', source: 'left' },
      { name: 'right', each: 'file', source: 'right', needs: ['left'] },
    ],
    { left: [0, 0, 0, 0], right: [0, 0, 0] },
  );
  expect(graph.barriers).toHaveLength(1);
  let edges = 0;
  for (let node = 0; node < graph.nodeCount; node += 1) {
    forEachDependency(graph, node, () => {
      edges += 1;
    });
  }
  expect(edges).toBe(4 + 3);
});

test('dependents are the mirror image of dependencies', () => {
  const graph = sketchGraph([
    ...wikidata,
    { name: 'broadcast', each: 'file', needs: ['report', 'clean'] },
  ]);
  const forward = new Set<string>();
  const backward = new Set<string>();
  for (let node = 0; node < graph.nodeCount; node += 1) {
    forEachDependency(graph, node, (dependency) => forward.add(`${dependency}>${node}`));
    forEachDependent(graph, node, (dependent) => backward.add(`${node}>${dependent}`));
  }
  expect(backward).toEqual(forward);
  expect(forward.size).toBeGreaterThan(20);
});

function selected(words: readonly string[], until?: string): readonly string[] {
  const graph = sketchGraph(wikidata);
  const { selection, diagnostics } = selectTargets(graph, { words, until });
  if (selection === undefined) return diagnostics.map((found) => `${found.message}; ${found.hint}`);
  return [...selection.needed.keys()]
    .filter((id) => selection.needed[id] === 1)
    .map((id) => targetName(graph.plan, id));
}

test('a selection brings all that it needs', () => {
  expect(selected(['push:claims@chunk=1'])).toEqual([
    'pull@c1-2',
    'process:claims@c1-2',
    'push:claims@chunk=1',
  ]);
});

test('a group selects its files and its groups in every step', () => {
  expect(selected(['@chunk=1'])).toEqual([
    'pull@c1-2',
    'process:labels@c1-2',
    'process:claims@c1-2',
    'push:labels@chunk=1',
    'push:claims@chunk=1',
    'clean@chunk=1',
  ]);
});

test('globs select cells and files', () => {
  expect(selected(['process:l*@c0-*'])).toEqual([
    'pull@c0-0',
    'pull@c0-1',
    'process:labels@c0-0',
    'process:labels@c0-1',
  ]);
});

test('a plus selects what depends on it as well', () => {
  const names = selected(['process:claims@c1-2+']);
  expect(names).toContain('clean@chunk=1');
  expect(names).toContain('report');
  // and what those need in turn
  expect(names).toContain('pull@c0-0');
});

test('until leaves out what comes later', () => {
  expect(selected([], 'process')).not.toContain('push:labels@chunk=0');
  expect(selected([], 'process')).toHaveLength(9);
});

test('an unknown step is answered with the nearest one', () => {
  expect(selected(['proces'])).toEqual(['There is no step "proces"; did you mean "process"?']);
});

test('an unknown cell or file is answered with names that exist', () => {
  expect(selected(['process:claim'])).toEqual([
    'No target matches "process:claim"; did you mean "process:claims"?',
  ]);
  expect(selected(['pull@nothing'])).toEqual([
    'No target matches "pull@nothing"; for example: pull@c0-0, pull@c0-1, pull@c1-2',
  ]);
  expect(selected(['process:claims@c0-3+'])).toEqual([
    'No target matches "process:claims@c0-3+"; did you mean "process:claims@c0-0+"?',
  ]);
});

test('an unknown group is answered with groups, also for a step of files', () => {
  expect(selected(['pull@chnk=0'])).toEqual([
    'No target matches "pull@chnk=0"; did you mean "pull@chunk=0"?',
  ]);
});

test('an empty word is not everything', () => {
  expect(selected([''])).toEqual(['No target matches ""; leave the word out to mean everything']);
});

test('two files that would share a journal are refused', () => {
  const catalog = sketchCatalog({ main: [0, 1] });
  const [listing] = catalog.listings;
  const twins = (listing?.files ?? []).map((file) => ({ ...file, key: 'same' }));
  const { plan, diagnostics } = makePlan(sketchConfig(wikidata), {
    listings: [{ source: 'main', files: twins, excluded: [] }],
  });
  expect(plan).toBeUndefined();
  expect(diagnostics.map(({ code }) => code)).toEqual(['duplicate-key']);
});

test('keys drop every known suffix and nothing else', () => {
  expect(keyOfFile('/a/b/discogs_20200806_labels.xml.gz')).toBe('discogs_20200806_labels');
  expect(keyOfFile('chunk_0-00001-of-00546.parquet')).toBe('chunk_0-00001-of-00546');
  expect(keyOfFile('v1.2.tar')).toBe('v1.2.tar');
});

test('names are ordered as people order them', () => {
  const names = ['chunk_10-1', 'chunk_2-10', 'chunk_2-9', 'chunk_02-9', 'a'];
  expect([...names].sort(compareNaturally)).toEqual([
    'a',
    'chunk_02-9',
    'chunk_2-9',
    'chunk_2-10',
    'chunk_10-1',
  ]);
});

test('two files that would write one output are refused with a way out', () => {
  const plan = sketchPlan([{ name: 'cut', each: 'file', output: ['out/', 'chunk', '.txt'] }]);
  const found = findCollisions(plan).map(({ message, hint }) => `${message}; ${hint}`);
  expect(found).toEqual([
    'Step "cut" would write out/0.txt for both c0-0 and c0-1; ' +
      'add {key} to the path: it differs for every file and group',
  ]);
  expect(findCollisions(sketchPlan([{ name: 'cut', each: 'file', output: ['key'] }]))).toEqual([]);
});
