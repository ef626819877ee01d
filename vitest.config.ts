import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Most tests wait for processes that they started: one worker more than there are cores keeps these busy.
const maxWorkers = availableParallelism() + 1;
// The one limit for all tests. It ends what hangs, it does not measure: the slowest test takes a tenth of it.
const timeout = 4 * 60_000;
export default defineConfig({
  // Files share their worker's modules: none of them changes what others see.
  test: { maxWorkers, isolate: false, testTimeout: timeout, hookTimeout: timeout },
});
