// A stream that may go away: `pipeline | head` closes the pipe, a terminal is closed. From then on
// nothing is written and nothing fails; the run does not depend on who looks at it.

/** What is needed of `process.stdout`; all undefined where it is no terminal. */
export type Terminal = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export interface Sink {
  write(text: string): void;
  /** Resolves when everything written has left, or never will. */
  flush(): Promise<void>;
}

export function openSink(stream: NodeJS.WritableStream): Sink {
  let open = true;
  // Stays for good: the error of the last write may come after the end.
  stream.on('error', () => {
    open = false;
  });
  return {
    write(text) {
      if (open) stream.write(text);
    },
    flush() {
      // Called back with an error too, so that a closed pipe is no reason to wait.
      return new Promise((resolve) => stream.write('', () => resolve()));
    },
  };
}
