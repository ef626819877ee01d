// The pipeline.yaml of this project: what it promises, and that no damage to it upsets the parser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../src/config/parse.ts';

const projectFolder = join(import.meta.dirname, '..');

function parseOwnPipeline(text: string, options: { set?: string[]; profile?: string } = {}) {
  return parseConfig({
    text,
    file: 'pipeline.yaml',
    root: projectFolder,
    work: join(projectFolder, 'work'),
    profile: options.profile,
    set: options.set ?? [],
    // The files beside it have tests of their own.
    readFile: () => '',
  });
}

const ownPipeline = readFileSync(join(projectFolder, 'pipeline.yaml'), 'utf8');

test('the default pipeline is valid and has the steps and tables that it promises', () => {
  const { config, diagnostics } = parseOwnPipeline(ownPipeline);
  expect(diagnostics).toEqual([]);
  expect(config?.work).toBe(join(projectFolder, 'work/sample'));
  expect(config?.steps.map(({ name, ordinal, cells }) => [name, ordinal, cells.length])).toEqual([
    ['pull', 1, 1],
    ['process', 2, 5],
    ['partition', 3, 5],
    ['push', 4, 5],
    ['post_check', 5, 5],
    ['clean', 6, 1],
  ]);
  expect(config?.hub?.endpoint).toBeUndefined();
  expect(config?.hub?.seed?.folder).toBe(join(projectFolder, 'work/sample/sample'));
  expect(config?.hub?.seed?.seed?.task.name).toBe('sample');
});

test('the default pipeline over a folder of the user makes no sample there', () => {
  const { config } = parseOwnPipeline(ownPipeline, { set: ['sample_dir=../shared'] });
  expect(config?.hub?.seed?.folder).toBe(join(projectFolder, '../shared'));
  expect(config?.hub?.seed?.seed).toBeUndefined();
});

test('the profile of the real dataset reads and writes the public Hub', () => {
  const { config, diagnostics } = parseOwnPipeline(ownPipeline, {
    profile: 'full',
    set: ['owner=someone'],
  });
  expect(diagnostics).toEqual([]);
  expect(config?.hub?.endpoint).toBe('https://huggingface.co');
  expect(config?.sources[0]).toMatchObject({ kind: 'hub', dataset: 'philippesaade/wikidata' });
});

test('over the real dataset, a Hub that is away for two hours fails nothing', () => {
  const { config } = parseOwnPipeline(ownPipeline, { profile: 'full' });
  const askHub = config?.steps.filter(({ rule }) => rule.kind === 'task') ?? [];
  expect(askHub.map(({ name }) => name)).toEqual(['pull', 'push', 'post_check']);
  for (const { retries } of askHub) {
    // Jitter takes half of a pause at most.
    const pauses = Array.from({ length: retries.count }, (_, used) =>
      Math.min(retries.backoffMs * 2 ** used, retries.maxBackoffMs),
    );
    const shortestMs = pauses.reduce((sum, pause) => sum + pause / 2, 0);
    expect(shortestMs).toBeGreaterThan(2 * 3_600_000);
  }
});

test('a profile takes a table out of the default pipeline', () => {
  const { config } = parseOwnPipeline(ownPipeline, { profile: 'quick' });
  expect(config?.work).toBe(join(projectFolder, 'work/quick'));
  expect(
    config?.steps.find(({ name }) => name === 'process')?.cells.map(({ name }) => name),
  ).not.toContain('claims');
});

test('no damage to a pipeline file makes the parser fail, and none passes without a place', () => {
  const damaged = fc.tuple(
    fc.nat(ownPipeline.length - 1),
    fc.nat(40),
    fc.constantFrom('', '{', '}', ': ', '\n', '[', '"', '- ', '*', '&a ', 'null', '\t', '{x}'),
  );
  fc.assert(
    fc.property(damaged, ([start, length, insert]) => {
      const text = ownPipeline.slice(0, start) + insert + ownPipeline.slice(start + length);
      const { config, diagnostics } = parseOwnPipeline(text);
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      expect(config === undefined).toBe(errors.length > 0);
      for (const { at } of diagnostics) {
        expect(at?.line).toBeGreaterThan(0);
        expect(at?.column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 150 },
  );
});
