import { expect, test } from 'vitest';
import { type Diagnostic, formatDiagnostic } from '../src/diagnostic.ts';
import { dedent } from './config-fixture.ts';

const diagnostic: Diagnostic = {
  code: 'unknown-key',
  severity: 'error',
  message: 'Unknown key "queri" in step "part" (kind: sql).',
  at: { file: 'pipeline.yaml', line: 4, column: 5, length: 5 },
  hint: 'did you mean "query"?',
};

test('a mistake is shown with its lines, underlined, and with what to do', () => {
  const text = dedent(`
    name: t
    steps:
      part:
        queri: x
        sql: SELECT 1
        outputs: a.csv
        timeout: 1s
    `);
  expect(formatDiagnostic(diagnostic, text)).toBe(
    dedent(`
      pipeline.yaml:4:5: error: Unknown key "queri" in step "part" (kind: sql). [unknown-key]
        2 | steps:
        3 |   part:
      > 4 |     queri: x
          |     ^^^^^
        5 |     sql: SELECT 1
        6 |     outputs: a.csv
        did you mean "query"?
      `).trimEnd(),
  );
});

test('the frame ends with the file, and numbers are aligned', () => {
  const lines = Array.from({ length: 10 }, (_, index) => `key${index + 1}: 1`);
  const at = { file: 'p.yaml', line: 10, column: 8, length: 99 };
  expect(formatDiagnostic({ ...diagnostic, at, hint: undefined }, `${lines.join('\n')}\n`)).toBe(
    dedent(`
      p.yaml:10:8: error: Unknown key "queri" in step "part" (kind: sql). [unknown-key]
         8 | key8: 1
         9 | key9: 1
      > 10 | key10: 1
           |        ^
      `).trimEnd(),
  );
});

test('without a place or a text only the sentences are shown', () => {
  const { hint, ...rest } = diagnostic;
  expect(formatDiagnostic({ ...rest, at: undefined }, 'x')).toBe(
    'error: Unknown key "queri" in step "part" (kind: sql). [unknown-key]',
  );
  expect(formatDiagnostic(diagnostic, undefined)).toBe(
    `pipeline.yaml:4:5: error: Unknown key "queri" in step "part" (kind: sql). [unknown-key]\n  ${hint}`,
  );
});

test('a quoted text cannot steer the terminal', () => {
  const message = 'Unknown key "\u001b[31mred\u202e".';
  expect(formatDiagnostic({ ...diagnostic, message, at: undefined, hint: undefined }, '')).toBe(
    'error: Unknown key "\\u{1b}[31mred\\u{202e}". [unknown-key]',
  );
});
