// What the process's exit code says; documented in docs/troubleshooting.md.
export const EXIT = {
  ok: 0,
  /** A target failed or is blocked. */
  failed: 1,
  /** A mistake in the pipeline or on the command line, or a decision is needed. */
  usage: 2,
  /** A bug, or a state folder that cannot be written. */
  internal: 3,
  interrupted: 130,
} as const;
