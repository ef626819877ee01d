// The local pull: what lies at the output afterwards, and what it refuses.
import { appendFile, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskContext } from '../src/task.ts';
import pull, { type PullOptions } from '../tasks/pull.ts';
import { withFolder } from './table-fixture.ts';

interface Pulled {
  readonly source: string;
  readonly target: string;
  readonly log: readonly string[];
  readonly progress: readonly number[];
}

interface PullRequest {
  readonly method: PullOptions['method'];
  readonly input?: (folder: string) => Promise<string>;
  readonly meanwhile?: (source: string) => Promise<void>;
}

async function check(request: PullRequest, expectations: (pulled: Pulled) => Promise<void>) {
  await withFolder(async (folder) => {
    const source = join(folder, 'source.bin');
    await writeFile(source, 'x'.repeat(100_000));
    const [log, progress]: [string[], number[]] = [[], []];
    const target = join(folder, 'target.bin');
    let pending = Promise.resolve();
    const context: Partial<TaskContext<PullOptions>> = {
      with: { method: request.method },
      inputs: {
        input: {
          path: (await request.input?.(folder)) ?? source,
          files: async () => [],
          producers: [],
        },
      },
      outputs: { output: { path: target } },
      signal: new AbortController().signal,
      log: (line) => log.push(line),
      progress: ({ done }) => {
        if (progress.length === 0) pending = request.meanwhile?.(source) ?? pending;
        progress.push(done);
      },
    };
    try {
      await pull.run(context as TaskContext<PullOptions>);
    } finally {
      await pending;
    }
    await expectations({ source, target, log, progress });
  });
}

describe('pull', () => {
  it('makes a hard link where it can', async () => {
    await check({ method: 'auto' }, async ({ source, target, log, progress }) => {
      expect((await stat(target)).ino).toBe((await stat(source)).ino);
      expect(log).toEqual(['linked 100000 bytes']);
      expect(progress).toEqual([0, 100_000]);
    });
  });

  it('links the file itself when the source is a symbolic link', async () => {
    const input = async (folder: string): Promise<string> => {
      await symlink('source.bin', join(folder, 'link.bin'));
      return join(folder, 'link.bin');
    };
    await check({ method: 'link', input }, async ({ source, target }) => {
      expect((await stat(target)).ino).toBe((await stat(source)).ino);
    });
  });

  it('copies when told to, and reports the bytes', async () => {
    await check({ method: 'copy' }, async ({ source, target, progress }) => {
      expect((await stat(target)).ino).not.toBe((await stat(source)).ino);
      expect(await readFile(target, 'utf8')).toBe(await readFile(source, 'utf8'));
      expect(progress.at(0)).toBe(0);
      expect(progress.at(-1)).toBe(100_000);
      expect(progress).toEqual([...progress].sort((one, other) => one - other));
    });
  });

  for (const method of ['link', 'copy'] as const) {
    it(`fails when the source changes meanwhile: ${method}`, async () => {
      const meanwhile = async (source: string): Promise<void> => await appendFile(source, 'more');
      const pulled = check({ method, meanwhile }, async () => {});
      await expect(pulled).rejects.toThrow(/changed while it was pulled|differs from it/);
    });
  }

  it('fails when there is no source', async () => {
    const input = async (folder: string): Promise<string> => join(folder, 'absent.bin');
    await expect(check({ method: 'auto', input }, async () => {})).rejects.toThrow(/ENOENT/);
  });
});
