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
  /** Stable code for programs; listed in the README. */
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** One sentence: what was found, with the step or key it concerns. */
  readonly message: string;
  readonly at?: Location;
  /** What to do next: `did you mean "query"?` */
  readonly hint?: string;
}

export type DiagnosticCode =
  | 'yaml-syntax'
  | 'unknown-key'
  | 'missing-key'
  | 'wrong-type'
  | 'wrong-value'
  | 'unknown-variable'
  | 'unknown-step'
  | 'unknown-source'
  | 'unknown-profile'
  | 'unknown-target'
  | 'reserved-name'
  | 'cycle'
  | 'duplicate-output'
  | 'output-outside-work'
  | 'input-without-needs'
  | 'missing-file'
  | 'no-source-files'
  | 'name-mismatch'
  | 'duplicate-key'
  | 'usage';
