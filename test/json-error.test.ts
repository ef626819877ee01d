import { describe, expect, it } from 'vitest';
import { jsonError } from '../src/executor/json-error.ts';

function check(text: string, expected: string | null): void {
  expect(jsonError(text)).toBe(expected);
}

describe('why a text is not readable JSON', () => {
  it('is the message of the parser', () => {
    check(
      '{"a":1',
      "Expected ',' or '}' after property value in JSON at position 6 (line 1 column 7)",
    );
    check('{"a":x}', 'Unexpected token \'x\', "{"a":x}" is not valid JSON');
    check(
      '{"a":1} {}',
      'Unexpected non-whitespace character after JSON at position 8 (line 1 column 9)',
    );
  });

  it('says where a text ends that is cut off', () => {
    check('', 'Unexpected end of JSON input at position 0');
    check('{"a":', 'Unexpected end of JSON input at position 5');
  });

  it('stays one line whatever the text', () => {
    check('{"a":\n\nx}', 'Unexpected token \'x\', "{"a": x}" is not valid JSON');
  });

  it('names a surrogate that stands alone', () => {
    check('{"a":"\\ud800"}', 'lone surrogate \\ud800 at position 6');
    check('{"a":"\\uDC00\\uD800"}', 'lone surrogate \\uDC00 at position 6');
    check('{"a":"\\ud83d\\ude00\\ud83d"}', 'lone surrogate \\ud83d at position 18');
    check('{"\\udfff":1}', 'lone surrogate \\udfff at position 2');
  });

  it('is null for readable text, with pairs of surrogates and escaped backslashes', () => {
    check('{"a":"\\ud83d\\ude00 \\\\ud800 😀"}', null);
    check('[]', null);
  });
});
