// Finds and clears published groups that the plan does not have any more, dataset by dataset. Which
// groups a dataset has is for the publishing task to say; here it is told those that are needed: of
// every step that publishes into the same dataset, whatever its cells.
import type { HubConfig } from '../config/config.ts';
import type { HubAddress, WorkOrder } from '../executor/executor.ts';
import { locateTarget, type TargetId, targetId } from '../plan/plan.ts';
import type { ClearedGroup } from '../task.ts';
import { TargetFailure } from './failure.ts';
import { Judging, type JudgingContext } from './judging.ts';
import { makeWorkOrder } from './work-order.ts';

export interface RemoteContext extends JudgingContext {
  readonly connectHub: (hub: HubConfig) => Promise<HubAddress>;
  /** The newest commit of a dataset; undefined when there is none. */
  readonly headOf: (hub: HubConfig, dataset: string) => Promise<string | undefined>;
}

export interface RemoteOrphans {
  readonly dataset: string;
  readonly groups: readonly ClearedGroup[];
}

/** One of the targets that publish into a dataset, and the groups of all of them. */
interface Publisher {
  readonly hub: HubConfig;
  readonly dataset: string;
  readonly order: WorkOrder;
  readonly keys: Set<string>;
}

/** Datasets in which there is something. Rejects with a HubError, throws a TargetFailure. */
export async function clearRemote(
  context: RemoteContext,
  { isDry }: { readonly isDry: boolean },
): Promise<readonly RemoteOrphans[]> {
  const found: RemoteOrphans[] = [];
  for (const publisher of publishersOf(context)) {
    context.signal.throwIfAborted();
    const groups = await clearDataset(publisher, { context, isDry });
    if (groups.length > 0) found.push({ dataset: publisher.dataset, groups });
  }
  return found;
}

async function clearDataset(
  { hub, dataset, order, keys }: Publisher,
  { context, isDry }: { readonly context: RemoteContext; readonly isDry: boolean },
): Promise<readonly ClearedGroup[]> {
  const revision = await context.headOf(hub, dataset);
  if (revision === undefined) return [];
  const address = await context.connectHub(hub);
  try {
    const answer = await (await context.executor()).ask({
      kind: 'clear',
      order: { ...order, hub: address },
      revision,
      keys: [...keys],
      isDry,
    });
    if (answer.kind === 'failed') throw new TargetFailure(answer.failure);
    return answer.kind === 'cleared' ? answer.groups : [];
  } finally {
    context.fs.remove(order.stage);
  }
}

function publishersOf(context: RemoteContext): Iterable<Publisher> {
  const { graph, hubId } = context;
  const { facts } = new Judging(context);
  const publishers = new Map<string, Publisher>();
  const take = (id: TargetId, hub: HubConfig) => {
    const order = makeWorkOrder(id, {
      attempt: 0,
      scratch: '',
      resume: undefined,
      context: {
        graph,
        facts,
        stateOf: () => undefined,
        memoryBytes: 0,
        hub: undefined,
        withoutInputs: true,
      },
    });
    const { dataset = '' } = order;
    const name = `${hubId(hub)} ${dataset}`;
    const publisher = publishers.get(name) ?? { hub, dataset, order, keys: new Set() };
    publishers.set(name, publisher);
    publisher.keys.add(String(facts.variablesOf(locateTarget(graph.plan, id))['key']));
  };
  for (const step of graph.plan.steps) {
    const { publish, hub, rule } = step.config;
    if (publish === undefined || hub === undefined || rule.kind !== 'task') continue;
    for (let cell = 0; cell < step.cellCount; cell += 1) {
      for (let member = 0; member < step.memberCount; member += 1) {
        take(targetId(step, cell, member), hub);
      }
    }
  }
  return publishers.values();
}
