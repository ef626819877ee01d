// Run by hub-server-crash.test.ts as a process of its own, to be killed: serves a folder, says
// where in one line, and goes on until somebody ends it. With `before N` or `after N` it kills
// itself at its Nth renaming of a file, which is how everything gets its name for good.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { startEmbeddedHub } from '../src/hub/server/embedded-hub.ts';

const [folder = '', when, nth] = process.argv.slice(2);
const { url, token, id } = await startEmbeddedHub({
  folder,
  multipartThreshold: 20_000,
  partSize: 10_000,
});
if (when !== undefined) dieAtRename(when, Number(nth));
process.stdout.write(`${JSON.stringify({ url, token, id })}\n`);

function dieAtRename(moment: string, last: number): void {
  const { rename } = fs;
  let renames = 0;
  fs.rename = async (from, to) => {
    renames += 1;
    if (renames === last && moment === 'before') process.kill(process.pid, 'SIGKILL');
    await rename(from, to);
    if (renames >= last && moment === 'after') process.kill(process.pid, 'SIGKILL');
  };
  syncBuiltinESMExports();
}
