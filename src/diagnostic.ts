// A diagnostic is one mistake in what the user wrote, as a value: where it is, what was found and
// what to do next. This file also lays it out for people. It neither prints nor decides exit codes.

/** A place in a text: 1-based line and column, and how many characters to underline. */
export interface Location {
  /** As the user would write it: relative to the current folder. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export interface Diagnostic {
  /** Stable code for programs; explained in docs/troubleshooting.md. */
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** One sentence: what was found, with the step or key it concerns. */
  readonly message: string;
  /** Undefined for what stands on the command line. */
  readonly at?: Location | undefined;
  /** What to do next: `did you mean "query"?` */
  readonly hint?: string | undefined;
}

export type DiagnosticCode =
  | 'yaml-syntax'
  | 'unknown-key'
  | 'missing-key'
  | 'wrong-type'
  | 'wrong-value'
  | 'template-syntax'
  | 'unknown-variable'
  | 'unknown-step'
  | 'unknown-source'
  | 'unknown-group'
  | 'unknown-profile'
  | 'unknown-target'
  | 'reserved-name'
  | 'cycle'
  | 'duplicate-output'
  | 'output-outside-work'
  | 'input-without-needs'
  | 'missing-file'
  | 'no-source-files'
  | 'too-many-files'
  | 'name-mismatch'
  | 'duplicate-key'
  | 'groups-kept'
  | 'usage';

const contextLines = 2;
const frameWidth = 120;

/**
 * The diagnostic as plain text without a final line break: place, message and code, the lines around
 * the place with the spot underlined, and the hint. `sourceText` is the text of the file that
 * `diagnostic.at` names; without it the lines are left out.
 */
export function formatDiagnostic(diagnostic: Diagnostic, sourceText: string | undefined): string {
  const { at, code, severity, message, hint } = diagnostic;
  const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `;
  const blocks = [`${place}${severity}: ${message} [${code}]`];
  if (at !== undefined && sourceText !== undefined) blocks.push(formatFrame(at, sourceText));
  if (hint !== undefined) blocks.push(`  ${hint}`);
  return blocks.map(visible).join('\n');
}

function formatFrame(at: Location, sourceText: string): string {
  const lines = sourceText.split(/\r?\n/);
  const first = Math.max(1, at.line - contextLines);
  const last = Math.min(lines.length, at.line + contextLines);
  const numberWidth = String(last).length;
  const frame: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const text = (lines[number - 1] ?? '').replaceAll('\t', ' ').slice(0, frameWidth);
    if (text === '' && number === lines.length && number !== at.line) continue;
    const mark = number === at.line ? '>' : ' ';
    frame.push(`${mark} ${String(number).padStart(numberWidth)} | ${text}`.trimEnd());
    if (number === at.line && at.column <= frameWidth) {
      const room = Math.max(1, text.length - at.column + 1);
      const carets = '^'.repeat(Math.max(1, Math.min(at.length, room)));
      frame.push(`  ${' '.repeat(numberWidth)} | ${' '.repeat(at.column - 1)}${carets}`);
    }
  }
  return frame.join('\n');
}

/** Control characters written out: the quoted text must not be able to steer a terminal. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => {
    if (character === '\n') return character;
    return `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`;
  });
}
