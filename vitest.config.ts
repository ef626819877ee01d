import { defineConfig } from 'vitest/config';

// Most tests wait for processes that they started: a worker for each core keeps the cores busy.
export default defineConfig({ test: { maxWorkers: '100%' } });
