import { expect, test } from 'vitest';
import { didYouMean, didYouMeanOneOf, suggest } from '../src/suggestion.ts';

const steps = ['pull', 'process', 'partition', 'push', 'post_check', 'clean'];

test('slips of the finger, of case and of dashes find the name', () => {
  for (const [typed, meant] of [
    ['proces', 'process'],
    ['prcoess', 'process'],
    ['Process', 'process'],
    ['partion', 'partition'],
    ['post-check', 'post_check'],
    ['pul', 'pull'],
    ['claen', 'clean'],
  ] as const) {
    expect(suggest(typed, steps)).toBe(meant);
  }
});

test('a name that is far from all finds none', () => {
  for (const typed of ['xyz', 'sql', 'a', '', 'transform']) {
    expect(suggest(typed, steps)).toBeUndefined();
  }
});

test('the nearest wins, and among equals the first', () => {
  expect(suggest('pus', ['pull', 'push'])).toBe('push');
  expect(suggest('table', ['tablet', 'tables'])).toBe('tablet');
});

test('hints are sentences; without a near name the choice is listed while it is short', () => {
  expect(didYouMean('pul', steps)).toBe('did you mean "pull"?');
  expect(didYouMean('xyz', steps)).toBeUndefined();
  expect(didYouMeanOneOf('xyz', ['a', 'b'])).toBe('known: a, b');
  expect(didYouMeanOneOf('xyz', [])).toBeUndefined();
  expect(didYouMeanOneOf('xyz', 'abcdefghijklm')).toBeUndefined();
});
