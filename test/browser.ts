// `pnpm test:browser`: opens reports in a browser without a window. Apart from the other tests
// because it needs a browser, and minutes for the large one. EIDER_LARGE_STATE names a folder in
// which the large pipeline is kept, to be used again.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findChromium } from './browser/chromium.ts';

const root = join(import.meta.dirname, '..');

if (findChromium() === undefined) {
  process.stderr.write(
    'There is no Chromium here: install the package chromium (apt-get install -y chromium), ' +
      'or name its program in CHROMIUM\n',
  );
  process.exitCode = 2;
} else {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', join(import.meta.dirname, 'browser/vitest.config.ts')];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
