// Makes a few source files, so that the pipeline runs before there are real ones.
import { join } from 'node:path';
import { defineTask } from '../../../src/task.ts';

export default defineTask({
  async run(context) {
    const folder = context.outputs['output']?.path ?? '';
    const sql = await context.sql();
    for (const month of ['01', '02', '03']) {
      await sql.run(
        `COPY (SELECT 'item-' || i % 5 AS item, i * 3 % 7 AS amount FROM range(20) row(i))
         TO $path (FORMAT parquet)`,
        { path: join(folder, `2026-${month}.parquet`) },
      );
    }
  },
});
