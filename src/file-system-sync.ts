// Makes whole file systems durable. Node has no call for it, and a process for every time would be
// forked from the runner, which costs 3 ms of its CPU: so one small shell waits for orders and
// starts `sync` itself. It ends when its input closes, also when the runner is killed.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { Socket } from 'node:net';
import { platform } from 'node:process';
import type { Readable, Writable } from 'node:stream';

/** One folder a line, and an empty line at the end of an order; answers with the exit status. */
const SCRIPT = `set --
while IFS= read -r folder; do
  if [ -n "$folder" ]; then set -- "$@" "$folder"; continue; fi
  sync -f "$@" 2>/dev/null
  echo $?
  set --
done`;

class SyncShell {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  /** Orders without an answer, oldest first. */
  #waiting: ((isDurable: boolean) => void)[] = [];

  constructor(onEnd: () => void) {
    // In a group of its own: Ctrl-C in the terminal must not end it, the runner only drains then.
    const stdio = ['pipe', 'pipe', 'ignore'] as const;
    this.#process = spawn('/bin/sh', ['-c', SCRIPT], { stdio: [...stdio], detached: true });
    const { stdin, stdout } = this.#process;
    const fail = () => {
      onEnd();
      this.#answerAll();
    };
    stdin.on('error', fail);
    this.#process.on('error', fail).on('exit', fail);
    stdout.setEncoding('latin1').on('data', (answers: string) => {
      for (const status of answers.trim().split('\n')) this.#waiting.shift()?.(status === '0');
      if (this.#waiting.length === 0) this.#hold(false);
    });
  }

  sync(folders: readonly string[]): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#hold(true);
      this.#process.stdin.write(`${folders.join('\n')}\n\n`);
    });
  }

  #answerAll(): void {
    for (const resolve of this.#waiting) resolve(false);
    this.#waiting = [];
  }

  /** With an order it keeps the process alive, idle it does not. */
  #hold(isHeld: boolean): void {
    const { stdin, stdout } = this.#process;
    const pipes = [stdin, stdout].filter((pipe) => pipe instanceof Socket);
    for (const handle of [this.#process, ...pipes]) {
      if (isHeld) handle.ref();
      else handle.unref();
    }
  }
}

let shell: SyncShell | undefined;

/**
 * False where the system has no such call (elsewhere `sync` knows no file systems, or does not
 * wait for the disk), and when it failed.
 */
export async function syncFileSystems(folders: readonly string[]): Promise<boolean> {
  const isSayable = folders.every((folder) => !folder.includes('\n'));
  if (platform !== 'linux' || !isSayable) return false;
  const byDevice = new Map(folders.map((folder) => [statSync(folder).dev, folder]));
  shell ??= new SyncShell(() => {
    shell = undefined;
  });
  return shell.sync([...byDevice.values()]);
}
