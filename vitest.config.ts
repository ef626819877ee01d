import { defineConfig } from 'vitest/config';

// Most tests wait for processes that they started: a worker for each core keeps the cores busy.
// The one limit for all tests. It ends what hangs, it does not measure: the slowest test takes a tenth of it.
const timeout = 4 * 60_000;
export default defineConfig({
  // Files share their worker's modules: none of them changes what others see.
  test: { maxWorkers: '100%', isolate: false, testTimeout: timeout, hookTimeout: timeout },
});
