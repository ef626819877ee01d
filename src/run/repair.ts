// Rebuilds what is recorded from what there is, in three ways of falling strength: results that a
// damaged journal proves are looked at again; outputs that lie here whole are taken as made by
// today's rules; what datasets prove to be published is recalled. First all is found out, then it is
// recorded at one go, so that a person can look at it in between.
import type { Plan, TargetId } from '../plan/plan.ts';
import type { Trace } from '../trace.ts';
import type { InferContext } from './infer.ts';
import { type Inference, inferTargets } from './infer.ts';
import { Judging } from './judging.ts';
import { placeManifest } from './present-trace.ts';
import type { Published } from './recall.ts';
import { Recorder } from './recorder.ts';
import { type DamagedJournal, examineDamage, recordDamage } from './repair-damage.ts';

export interface RepairContext extends InferContext {
  readonly who: string;
  /** Also journals of targets that the plan does not have. */
  readonly isWhole: boolean;
  /** Looks at datasets for what is not recorded and not among the known. */
  readonly findPublished: (known: ReadonlyMap<TargetId, Trace>) => Promise<Published>;
}

export interface Repair extends Inference {
  readonly damaged: readonly DamagedJournal[];
  readonly published: Published;
  /** Whether there is anything to record. */
  readonly isEmpty: boolean;
  /** Resolves when all is durable. */
  record(): Promise<void>;
  /** Leaves everything as it is. */
  discard(): void;
}

export async function findRepair(context: RepairContext): Promise<Repair> {
  const { graph, store, fs, executor, signal, who, selection } = context;
  const { work } = graph.plan.config;
  const judging = new Judging(context);
  const wanted = context.isWhole ? undefined : journalsOf(graph.plan, selection.needed);
  const isWanted = (journal: string) => wanted?.has(journal) ?? true;
  const damaged = await examineDamage({ store, fs, work, executor, signal }, isWanted);
  const voided = new Set(
    damaged.flatMap(({ journal, results }) =>
      results
        .filter(({ wrong }) => wrong !== undefined)
        .map(({ target }) => `${journal} ${target}`),
    ),
  );
  const isVoided = (journal: string, target: string) => voided.has(`${journal} ${target}`);
  const inference = await inferTargets(context, { judging, who, isVoided });
  const known = new Map(inference.inferred.map(({ id, trace }) => [id, trace]));
  const published = await context.findPublished(known);
  const { inferred } = inference;
  const recalled = new Set(published.places.flatMap(({ targets }) => targets));
  return {
    ...inference,
    left: inference.left.filter(({ id }) => !recalled.has(id)),
    absent: inference.absent.filter((id) => !recalled.has(id)),
    damaged,
    published,
    isEmpty: damaged.length + inferred.length + published.places.length === 0,
    async record() {
      judging.save();
      const recorder = new Recorder(context, { facts: judging.facts });
      for (const id of inference.fresh) recorder.settled(id, true);
      for (const { id, trace, attempt, staged } of inferred) {
        placeManifest(id, { staged, graph, fs });
        recorder.done(id, { attempt, trace });
      }
      published.record();
      await recordDamage(damaged, store);
      await store.flush();
    },
    discard: () => published.discard(),
  };
}

function journalsOf(plan: Plan, needed: Uint8Array): ReadonlySet<string> {
  const journals = new Set<string>();
  for (const step of plan.steps) {
    for (let offset = 0; offset < step.cellCount * step.memberCount; offset += 1) {
      if (needed[step.base + offset] !== 1) continue;
      journals.add(step.table.journals[offset % step.memberCount] ?? '');
    }
  }
  return journals;
}
