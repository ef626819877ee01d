// The task of a publishing target with what it is asked with outside a run: its dataset at a commit.
import type { RecallContext, Task } from '../task.ts';
import type { Database } from './duckdb.ts';
import type { WorkOrder } from './executor.ts';
import { loadTask } from './task-module.ts';
import { taskSql } from './task-rule.ts';
import { openHub } from './worker-hub.ts';

/** Undefined for a target that publishes nothing. The order's stage must exist. */
export async function publicationOf(
  { order, revision }: { readonly order: WorkOrder; readonly revision: string },
  { database, signal }: { readonly database: Database; readonly signal: AbortSignal },
): Promise<{ readonly task: Task; readonly context: RecallContext } | undefined> {
  const { rule, hub, dataset, target, variables } = order;
  if (rule.kind !== 'task' || hub === undefined || dataset === undefined) return undefined;
  const { task, checkParameters } = await loadTask(rule.module);
  const opened = await openHub(hub, { signal });
  const context = {
    target,
    variables,
    with: await checkParameters(order.with),
    scratch: order.stage,
    signal,
    sql: async () => taskSql(database),
    repository: opened.repository(dataset),
    revision,
  };
  return { task, context };
}
