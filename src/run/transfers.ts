// How many bytes a plan would download and upload, and how many of these once more. Downloads are
// those of steps that read files of a Hub source, uploads those of steps that publish; nothing here
// knows what the steps do otherwise.
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { locateTarget, type PlanStep, type TargetId, targetId, targetKey } from '../plan/plan.ts';
import type { JournalState, TargetState } from '../store/journal-state.ts';
import type { Assessment } from './assess.ts';
import type { TargetFacts } from './facts.ts';
import { type History, inProportion } from './history.ts';

export interface Transfer {
  readonly targets: number;
  readonly bytes: number;
  /** Bytes of this many targets cannot be foretold: nothing like them was made yet. */
  readonly unknownTargets: number;
}

export interface Transfers {
  readonly download: Transfer;
  readonly upload: Transfer;
  /** What was brought or published before, here or as it was recalled, and would be once more. */
  readonly again: { readonly download: Transfer; readonly upload: Transfer };
}

export interface TransferContext {
  readonly graph: Graph;
  readonly assessment: Assessment;
  readonly facts: Pick<TargetFacts, 'outsideInputs' | 'resultOf'>;
  readonly load: (journal: string) => JournalState;
  /** Read only when something would be uploaded. */
  readonly history: () => History;
}

/** Of all that would run, and of all that may. */
export function foretellTransfers(context: TransferContext): Transfers {
  const download = new Sum();
  const upload = new Sum();
  const again = { download: new Sum(), upload: new Sum() };
  for (const step of context.graph.plan.steps) {
    if (readsHub(step)) addDownloads(step, { ...context, download, again: again.download });
    if (step.config.publish === undefined) continue;
    addUploads(step, { ...context, upload, again: again.upload });
  }
  return { download, upload, again };
}

/** A first step over files that lie on a Hub. */
function readsHub({ needs, table }: PlanStep): boolean {
  return needs.length === 0 && table.listing?.files[0]?.remote !== undefined;
}

class Sum implements Transfer {
  targets = 0;
  bytes = 0;
  unknownTargets = 0;

  add({ bytes, unknown }: { bytes: number; unknown: boolean }) {
    if (bytes === 0 && !unknown) return;
    this.targets += 1;
    this.bytes += bytes;
    if (unknown) this.unknownTargets += 1;
  }
}

/** A file whose content was brought before; another content under its name was not. */
function addDownloads(
  step: PlanStep,
  context: TransferContext & { readonly download: Sum; readonly again: Sum },
) {
  const { facts, download, again } = context;
  for (const id of targetsTodo(step, context)) {
    const known = facts.resultOf(id) === 'none' ? undefined : recorded(id, context)?.trace;
    let bytes = 0;
    let repeated = 0;
    for (const { name, file, remote } of facts.outsideInputs(
      locateTarget(context.graph.plan, id),
    )) {
      if (remote === undefined || file === undefined) continue;
      bytes += file.bytes;
      if (known?.inputs[name] === remote.file.digest) repeated += file.bytes;
    }
    download.add({ bytes, unknown: false });
    again.add({ bytes: repeated, unknown: false });
  }
}

/**
 * A publication sends what is made anew of its group, or all of it when it goes somewhere new. At
 * most: what comes out as it was is not sent.
 */
function addUploads(
  step: PlanStep,
  context: TransferContext & { readonly upload: Sum; readonly again: Sum },
) {
  const { graph, assessment, facts, upload, again } = context;
  for (const id of targetsTodo(step, context)) {
    const published = facts.resultOf(id) === 'none' ? undefined : recorded(id, context)?.trace;
    const isElsewhere = published !== undefined && goesElsewhere(id, context);
    const sent = { bytes: 0, unknown: false };
    const repeated = { bytes: 0, unknown: false };
    forEachProducer(graph, id, (producer) => {
      const isThere = published !== undefined && !isElsewhere;
      if (isThere && assessment.stateOf(producer) === 'fresh') return;
      const bytes = foretellSize(producer, context);
      addTo(sent, bytes);
      if (published !== undefined && facts.resultOf(producer) !== 'none') addTo(repeated, bytes);
    });
    upload.add(sent);
    again.add(repeated);
  }
}

function addTo(sum: { bytes: number; unknown: boolean }, bytes: number | undefined) {
  if (bytes === undefined) sum.unknown = true;
  else sum.bytes += bytes;
}

function goesElsewhere(id: TargetId, { assessment }: TransferContext): boolean {
  return assessment
    .reasonsOf(id)
    .some((reason) => reason.kind === 'field' && reason.field.startsWith('value publish '));
}

function foretellSize(id: TargetId, { graph, history }: TransferContext): number | undefined {
  const { step, cell, member } = locateTarget(graph.plan, id);
  const past = history().of(step, cell);
  if (past === undefined) return undefined;
  const sourceBytes = history().sourceBytes(step.table, member);
  return inProportion(past.writtenBytes, { of: past.sized, to: { targets: 1, sourceBytes } });
}

function recorded(id: TargetId, { graph, load }: TransferContext): TargetState | undefined {
  const { step, cell, member } = locateTarget(graph.plan, id);
  return load(step.table.journals[member] ?? '').targets.get(targetKey(step, cell));
}

function* targetsTodo(step: PlanStep, { assessment }: TransferContext): Generator<TargetId> {
  for (let cell = 0; cell < step.cellCount; cell += 1) {
    for (let member = 0; member < step.memberCount; member += 1) {
      const id = targetId(step, cell, member);
      const state = assessment.stateOf(id);
      if (state === 'stale' || state === 'pending') yield id;
    }
  }
}
