// What keeps a run from using a work folder, as a value for the user.

export interface StoreProblem {
  /** Stable code for programs; explained in docs/troubleshooting.md. */
  readonly code: 'other-pipeline' | 'newer-format' | 'unreadable-state' | 'locked';
  /** One sentence: what was found. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
}

/** Thrown where a journal turns out to be unusable after the store was opened. */
export class StoreProblemError extends Error {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem) {
    super(problem.message);
    this.problem = problem;
  }
}
