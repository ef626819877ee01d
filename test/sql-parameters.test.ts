import { expect, test } from 'vitest';
import { sqlParameters } from '../src/config/sql-parameters.ts';

function check(sql: string): readonly string[] {
  return sqlParameters(sql).map(({ name, offset }) => `${name}@${offset}`);
}

test('named and positional parameters are listed at every use', () => {
  expect(check('SELECT $a, f($b_2)+$a FROM read_parquet($input) LIMIT $1')).toEqual([
    'a@7',
    'b_2@13',
    'a@19',
    'input@40',
    '1@54',
  ]);
});

test('strings, quoted identifiers, comments and dollar quotes have no parameters', () => {
  expect(check(`'$a' '' '$b''$c' "$d" "x""$e" $f`)).toEqual(['f@30']);
  expect(check(`e'\\'$a' E'$b\\\\' $c`)).toEqual(['c@16']);
  expect(check('-- $a\n$b /* $c /* $d */ $e */ $f')).toEqual(['b@6', 'f@30']);
  expect(check('$$ $a $$ $tag$ $b $$ $c $tag$ $d')).toEqual(['d@30']);
});

test('a dollar within a word or a number is none', () => {
  expect(check('a$b x1$c $d')).toEqual(['d@9']);
});

test('what never ends hides the rest', () => {
  expect(check(`$a '$b`)).toEqual(['a@0']);
  expect(check('$a /* $b')).toEqual(['a@0']);
  expect(check('$a $x$ $b')).toEqual(['a@0']);
});
