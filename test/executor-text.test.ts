// The executor's pure parts: SQL as text, commands as words, partition values as folder names.
import { expect, test } from 'vitest';
import { assembleCommand } from '../src/executor/command.ts';
import { contractDifferences } from '../src/executor/contract.ts';
import { partitionNames } from '../src/executor/partition.ts';
import { isQuery, mentions, splitStatements, withoutForm } from '../src/executor/sql-text.ts';
import { splitGlob } from '../src/executor/stage.ts';

function statements(script: string): readonly string[] {
  return splitStatements(script).map(({ text }) => text);
}

test('statements end at semicolons that are not inside of anything', () => {
  const script = `
    -- a comment; with a semicolon
    select ';', "a;b", e'\\';', $$;$$, $tag$ ; $$ ; $tag$ /* ; /* nested ; */ ; */ from t;;
    select 'it''s' -- the end
  ;`;
  expect(statements(script)).toEqual([
    `select ';', "a;b", e'\\';', $$;$$, $tag$ ; $$ ; $tag$ /* ; /* nested ; */ ; */ from t`,
    `select 'it''s'`,
  ]);
});

test('the form of a statement is its comments and white space, not its case or its operators', () => {
  const form = (script: string) => splitStatements(script).map(withoutForm).join('|');
  expect(form('set  x = 1 -- why')).toBe(form('set x/* so */=\n1;'));
  expect(form("set x = 'A'")).not.toBe(form("set x = 'a'"));
  expect(form('select a <= b')).not.toBe(form('select a < = b'));
  expect(form('select a - -b')).not.toBe(form('select a --b'));
});

test('a statement that gives rows is told by how it begins', () => {
  const last = (script: string) => splitStatements(script).map(isQuery).at(-1);
  expect(last('/* x */ WITH a AS (select 1) from a')).toBe(true);
  expect(last('(select 1) union all (select 2)')).toBe(true);
  expect(last('create table a as select 1')).toBe(false);
});

test('a script mentions a table by its name, not by a text or a part of a name', () => {
  const script = splitStatements(`select 'rejects', my_rejects from "accounting"`);
  expect(mentions(script, 'rejects')).toBe(false);
  expect(mentions(script, 'accounting')).toBe(true);
});

test('a plain command needs no shell, and values are always quoted', () => {
  const check = (parts: Parameters<typeof assembleCommand>[0], words: unknown, text: string) =>
    expect(assembleCommand(parts)).toEqual({ text, words });
  const values = ["it's", 'a b', '$HOME'];
  const quoted = `'it'\\''s' 'a b' '$HOME'`;
  check(
    ['cp ', { values }, ' ', { values: ['out'] }],
    ['cp', ...values, 'out'],
    `cp ${quoted} out`,
  );
  check(['true '], ['true'], 'true');
  check(
    ['sort --output=', { values: ['x y'] }, '\n'],
    ['sort', '--output=x y'],
    "sort --output='x y'",
  );
  check(['cat ', { values }, ' > x'], undefined, `cat ${quoted} > x`);
  check(['A=1 env'], undefined, 'A=1 env');
  check(['cd x'], undefined, 'cd x');
  check(['echo $HOME'], undefined, 'echo $HOME');
  check(['a\nb'], undefined, 'a\nb');
  check([{ values: [''] }], undefined, "''");
});

test('partition values become folder names that any disk can hold and tell apart', () => {
  const long = 'x'.repeat(300);
  const longer = `${'ü'.repeat(40)}y`;
  const values = [
    null,
    '',
    '/',
    '.',
    '..',
    '%',
    'a b',
    '日本',
    '~',
    '__null__',
    '__empty__',
    '__NULL__',
    'en',
    'En',
    'EN',
    'DE',
    'be-tarask',
    long,
    `${long}x`,
    longer,
  ];
  const names = partitionNames(values);
  const all = [...names.values()];
  expect(names.get(null)).toBe('__null__');
  expect(names.get('')).toBe('__empty__');
  expect(names.get('/')).toBe('%2F');
  expect(names.get('.')).toBe('%2E');
  expect(names.get('..')).toBe('%2E%2E');
  expect(names.get('%')).toBe('%25');
  expect(names.get('a b')).toBe('a%20b');
  expect(names.get('日本')).toBe('%E6%97%A5%E6%9C%AC');
  expect(names.get('__null__')).toMatch(/^__null__~[0-9a-f]{12}$/);
  expect(names.get('__NULL__')).toMatch(/^__NULL__~[0-9a-f]{12}$/);
  expect(names.get('en')).toBe('en');
  expect(names.get('En')).toMatch(/^En~[0-9a-f]{12}$/);
  expect(names.get('EN')).toMatch(/^EN~[0-9a-f]{12}$/);
  expect(names.get('DE')).toBe('DE');
  expect(names.get(longer)).toMatch(/%BC~[0-9a-f]{12}$/);
  expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(values.length);
  expect(all.every((name) => name.length <= 200 && /^[\w.%~-]+$/.test(name))).toBe(true);
  expect(all.every((name) => !/%(?![0-9A-F]{2})/.test(name))).toBe(true);
});

test('every difference to a contract is told', () => {
  const column = (text: string) => {
    const [name = '', type = ''] = text.split(' ');
    return { name, type };
  };
  const check = (actual: string, expected: string) =>
    contractDifferences(actual.split(',').map(column), expected.split(',').map(column));
  expect(check('id VARCHAR,n INTEGER', 'id VARCHAR,n INTEGER')).toEqual([]);
  expect(check('n BIGINT,x DATE', 'id VARCHAR,n INTEGER')).toEqual([
    'missing: id VARCHAR',
    'wrong type: n is BIGINT, should be INTEGER',
    'not in the contract: x DATE',
  ]);
  expect(check('n INTEGER,id VARCHAR', 'id VARCHAR,n INTEGER')).toEqual([
    'wrong order: n, id; should be id, n',
  ]);
});

test('the folder of a glob is what stands before the first segment with one', () => {
  expect(splitGlob('a/b/*.csv')).toEqual({ folder: 'a/b', pattern: '*.csv' });
  expect(splitGlob('a/*/c/d-*.csv')).toEqual({ folder: 'a', pattern: '*/c/d-*.csv' });
  expect(splitGlob('*.csv')).toEqual({ folder: '', pattern: '*.csv' });
});
