// A folder that looks like a fresh checkout, in which the commands of a page of the documentation
// are run by a shell as a reader would: `pnpm pipeline` is the real command line of this project.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROJECT } from './rig.ts';

const COPIED = ['tasks', 'examples', 'pipeline.yaml', 'package.json'];
const LINKED = ['src', 'schema', 'bench', 'node_modules'];

/** Only `pnpm pipeline` and `pnpm -s pipeline`: what else pnpm can do is not the page's matter. */
const PNPM = `#!/bin/sh
[ "$1" = -s ] && shift
[ "$1" = pipeline ] || { echo "pnpm $1 is not for this test" >&2; exit 64; }
shift
exec "${process.execPath}" src/bin.js "$@"
`;

export interface Finished {
  readonly code: number | null;
  readonly text: string;
}

export class DocSandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'doc-'));
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    for (const name of COPIED)
      cpSync(join(PROJECT, name), join(this.root, name), { recursive: true });
    for (const name of LINKED) symlinkSync(join(PROJECT, name), join(this.root, name));
    this.write('bin/pnpm', PNPM);
    chmodSync(join(this.root, 'bin/pnpm'), 0o755);
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(VITEST.*|NODE_OPTIONS|CI|HF_.*)$/.test(name),
    );
    const path = [join(this.root, 'bin'), dirname(process.execPath), process.env['PATH']].join(':');
    // No login of whoever runs the test.
    const own = { NO_COLOR: '1', HOME: this.root, PATH: path };
    this.#env = { ...Object.fromEntries(inherited), ...own, ...env };
  }

  write(name: string, content: string): void {
    const path = join(this.root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** Runs lines of a shell; with `until`, interrupts them once that was printed. */
  async run(script: string, until?: string): Promise<Finished> {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: this.root,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let text = '';
    let isWaiting = until !== undefined;
    const hear = (piece: string) => {
      text += piece;
      if (!isWaiting || until === undefined || !text.includes(until)) return;
      isWaiting = false;
      // The whole group, as a terminal does it.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, text };
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
