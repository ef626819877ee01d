import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const timeout = 60 * 60_000;
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/browser/*.browser.ts'],
    fileParallelism: false,
    testTimeout: timeout,
    hookTimeout: timeout,
  },
});
