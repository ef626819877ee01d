import { defineConfig } from 'vitest/config';

// Most tests wait for processes that they started: a worker for each core keeps the cores busy.
// The limit is there to end what hangs, not to measure: it is far above what a slow machine takes.
const timeout = 10 * 60_000;
export default defineConfig({
  test: { maxWorkers: '100%', testTimeout: timeout, hookTimeout: timeout },
});
