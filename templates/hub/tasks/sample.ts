// Makes the source files with which the Hub of the run's own begins.
import { join } from 'node:path';
import { defineTask } from '../../../src/task.ts';

export default defineTask({
  async run(context) {
    const folder = context.outputs['output']?.path ?? '';
    const sql = await context.sql();
    for (const part of [0, 1]) {
      await sql.run(
        `COPY (SELECT 'Q' || (i + ${part * 20}) AS id, ['en', 'de', 'fr'][i % 3 + 1] AS language,
            'word ' || i AS label FROM range(20) row(i))
         TO $path (FORMAT parquet)`,
        { path: join(folder, `words-${part}.parquet`) },
      );
    }
  },
});
