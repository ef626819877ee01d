// Pulls one source file into the work folder. One of a Hub is downloaded, going on where an earlier
// attempt stopped, and verified against the listing. A local one is hard-linked where the file
// system allows it, else copied (cloned where it can be), and proven not to change meanwhile. A
// link shares the bytes with the source: who writes into the source in place changes both, and the
// next run sees it by size and mtime.
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { defineTask, type InputFile, type TaskContext } from '../src/task.ts';

export interface PullOptions {
  readonly method: 'auto' | 'link' | 'copy';
}

export default defineTask<PullOptions>({
  version: 1,
  with: {
    type: 'object',
    additionalProperties: false,
    properties: {
      method: {
        enum: ['auto', 'link', 'copy'],
        default: 'auto',
        description: 'link: a hard link; copy: a copy; auto: a link where that is possible.',
        'x-result': false,
      },
    },
  },
  async run(context) {
    const [input, output] = [context.inputs['input'], context.outputs['output']];
    if (input === undefined || output === undefined) {
      throw new Error('The step needs an input named "input" and an output named "output".');
    }
    const [file] = await input.files();
    if (file?.remote !== undefined) {
      await download(context, { remote: file.remote, target: output.path });
      return;
    }
    // A hard link to a symbolic link would be one more symbolic link.
    const source = await realpath(input.path);
    const before = await stat(source, { bigint: true });
    context.progress({ done: 0, total: Number(before.size), unit: 'bytes' });
    const linked = await tryLink(context.with.method, source, output.path);
    if (!linked) await copyVerified(context, { source, target: output.path });
    const after = await stat(source, { bigint: true });
    for (const field of ['size', 'mtimeNs', 'ino'] as const) {
      if (before[field] === after[field]) continue;
      throw new Error(
        `${input.path} changed while it was pulled: ${field} was ${before[field]} and is now ` +
          `${after[field]}. Run again when nobody writes to it.`,
      );
    }
    const { size } = await stat(output.path, { bigint: true });
    if (size !== before.size) {
      throw new Error(`${output.path} has ${size} bytes, but ${input.path} has ${before.size}.`);
    }
    context.log(`${linked ? 'linked' : 'copied'} ${before.size} bytes`);
    context.progress({ done: Number(size), total: Number(size), unit: 'bytes' });
  },
});

/** The part of a large file lies in scratch, which outlives an attempt. */
async function download(
  context: TaskContext<PullOptions>,
  { remote, target }: { remote: NonNullable<InputFile['remote']>; target: string },
): Promise<void> {
  const { repository, revision, file } = remote;
  const hub = await context.hub();
  await hub.repository(repository).download(revision, {
    file,
    to: target,
    partAt: () => join(context.scratch, 'download.incomplete'),
    onBytes: (done) => context.progress({ done, total: file.bytes, unit: 'bytes' }),
  });
}

/** True when the link is made; false when a copy is wanted or `auto` finds no link possible. */
async function tryLink(
  method: PullOptions['method'],
  source: string,
  target: string,
): Promise<boolean> {
  if (method === 'copy') return false;
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if (!isLinkImpossible(error)) throw error;
    if (method === 'auto') return false;
    throw new Error(
      `A hard link to ${source} is not possible (${error.code}): another disk, or a file of ` +
        'another user. Write "method: auto" or "method: copy" under "with:".',
      { cause: error },
    );
  }
}

function isLinkImpossible(error: unknown): error is NodeJS.ErrnoException {
  const impossible = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
  return error instanceof Error && 'code' in error && impossible.includes(String(error.code));
}

async function copyVerified(
  context: TaskContext<PullOptions>,
  file: { readonly source: string; readonly target: string },
): Promise<void> {
  await copyFile(file.source, file.target, constants.COPYFILE_FICLONE);
  const { size } = await stat(file.source);
  // Progress is that of the two readings, each of them half of the file.
  let read = 0;
  const digest = async (path: string): Promise<string> => {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { signal: context.signal })) {
      hash.update(chunk);
      read += chunk.length;
      context.progress({ done: Math.floor(read / 2), total: size, unit: 'bytes' });
    }
    return hash.digest('hex');
  };
  const [wanted, found] = [await digest(file.source), await digest(file.target)];
  if (wanted === found) return;
  throw new Error(
    `The copy of ${file.source} differs from it: sha256 ${found} instead of ${wanted}. ` +
      'Either it was written to meanwhile, or the disk is faulty.',
  );
}
