// Writes what happens to targets into their journals, with the ordinal that each file has reached,
// and reads back what is recorded. The only writer of target records during a run.
import type { CheckpointRecord } from '../executor/executor.ts';
import {
  locateTarget,
  type MemberTable,
  type PlannedTarget,
  type PlanStep,
  type TargetId,
  targetId,
  targetKey,
  targetName,
} from '../plan/plan.ts';
import type { TargetState } from '../store/journal-state.ts';
import type { Effort, EntryBody, Mtimes } from '../store/record.ts';
import type { Failure, Trace } from '../trace.ts';
import type { RunContext } from './context.ts';
import type { TargetFacts } from './facts.ts';
import { Ordinals } from './ordinals.ts';

/** A line in the journal of one of the files that a group's target was made of. */
interface Note {
  readonly target: string;
  readonly attempt: number;
  readonly table: MemberTable;
  readonly file: number;
}

type RecordContext = Pick<RunContext, 'graph' | 'selection' | 'store'>;

export class Recorder {
  readonly #context: RecordContext;
  readonly #facts: TargetFacts;
  readonly #ordinals: Ordinals;
  /** Members whose unselected targets have been looked up for their ordinals. */
  readonly #looked = new Set<string>();

  constructor(context: RecordContext, { facts }: { facts: TargetFacts }) {
    this.#context = context;
    this.#facts = facts;
    this.#ordinals = new Ordinals(context.graph.plan);
  }

  stateOf(id: TargetId): TargetState | undefined {
    const { step, cell, member } = locateTarget(this.#context.graph.plan, id);
    const journal = this.#context.store.load(step.table.journals[member] ?? '');
    return journal.targets.get(targetKey(step, cell));
  }

  /** Found up to date, or not any more. */
  settled(id: TargetId, complete: boolean): void {
    this.#ordinals.mark(id, complete);
  }

  started(id: TargetId, body: Extract<EntryBody, { status: 'started' }> & { attempt: number }) {
    this.#ordinals.mark(id, false);
    this.#append(id, body);
  }

  /** Resolves when the position is durable. */
  async checkpoint(id: TargetId, record: { attempt: number; checkpoint: CheckpointRecord }) {
    this.#append(id, { status: 'checkpoint', ...record });
    await this.#context.store.flush();
  }

  done(
    id: TargetId,
    { attempt, trace, effort }: { attempt: number; trace: Trace; effort?: Effort },
  ): void {
    this.#facts.setDigest(id, trace.digest);
    this.#facts.setResult(id, 'here');
    this.#ordinals.mark(id, true);
    const took = effort === undefined ? {} : { effort };
    this.#append(id, { status: 'done', attempt, trace, ...took });
    for (const note of this.#notesOf(id, attempt)) this.#note(note);
  }

  /** Somebody calls the target up to date as it lies; `who` and `why` are for people. */
  accepted(
    id: TargetId,
    body: Omit<Extract<EntryBody, { status: 'accepted' }>, 'status'> & { attempt: number },
  ): void {
    this.#facts.setDigest(id, body.trace.digest);
    this.#ordinals.mark(id, true);
    this.#append(id, { status: 'accepted', ...body });
  }

  ended(
    id: TargetId,
    body: Extract<EntryBody, { status: 'failed' | 'interrupted' }> & { attempt: number },
  ): void {
    this.#append(id, body);
  }

  /** The runner frees the target's files; the trace stays valid. */
  released(
    id: TargetId,
    body: Omit<Extract<EntryBody, { status: 'released' }>, 'status'> & { attempt: number },
  ): void {
    this.#facts.setResult(id, 'released');
    this.#append(id, { status: 'released', ...body });
  }

  /** Another target found the result at fault: it counts no more, and the next run makes it. */
  doubt(id: TargetId, reason: string): void {
    const state = this.stateOf(id);
    if (state?.trace === undefined) return;
    this.#ordinals.mark(id, false);
    for (const body of voiding(state, reason)) this.#append(id, body);
  }

  /** Another target makes its files where those of a recorded result lie, which counts no more. */
  overtaken(
    journal: string,
    { key, state, step, reason }: { key: string; state: TargetState; step: number; reason: string },
  ): void {
    for (const body of voiding(state, reason)) {
      this.#context.store.append(journal, { target: key, step, ...body });
    }
  }

  /** The recorded outputs or outside files were rehashed and hold. */
  verified(id: TargetId, mtimes: Mtimes): void {
    const state = this.stateOf(id);
    if (state?.traceId === undefined) return;
    this.#ordinals.mark(id, true);
    this.#append(id, { status: 'verified', attempt: state.attempt, of: state.traceId, mtimes });
  }

  /** Writes the notes about these targets that a run which did not end still owes. */
  completeNotes(isMeant: (id: TargetId) => boolean): void {
    const { graph, store } = this.#context;
    const notes: Note[] = [];
    for (const { base, cellCount, memberCount, table } of graph.plan.steps) {
      const end = table.each.kind === 'group' ? base + cellCount * memberCount : base;
      for (let id = base; id < end; id += 1) {
        if (isMeant(id)) notes.push(...this.#notesOf(id, this.stateOf(id)?.attempt ?? 0));
      }
    }
    const byJournal = Map.groupBy(notes, ({ table, file }) => table.journals[file] ?? '');
    for (const [journal, wanted] of byJournal) {
      const written = store.load(journal).notes;
      for (const note of wanted) {
        if (written.get(note.target)?.attempt !== note.attempt) this.#note(note);
      }
    }
  }

  #append(id: TargetId, body: EntryBody & { attempt: number }) {
    const target = locateTarget(this.#context.graph.plan, id);
    const { step, cell, member } = target;
    this.#lookUpOthers(target);
    this.#context.store.append(step.table.journals[member] ?? '', {
      target: targetKey(step, cell),
      step: this.#ordinals.stepOf(step.table, member),
      ...body,
    });
  }

  /** Tells people in each file's journal what became of its group; decides nothing. */
  #notesOf(id: TargetId, attempt: number): readonly Note[] {
    const { plan } = this.#context.graph;
    const { step, member } = locateTarget(plan, id);
    if (step.table.each.kind !== 'group') return [];
    const table = plan.steps.find(
      ({ table }) => table.each.kind === 'file' && table.listing === step.table.listing,
    )?.table;
    if (table === undefined) return [];
    const target = targetName(plan, id);
    return step.table.filesOf(member).map((file) => ({ target, attempt, table, file }));
  }

  #note({ target, attempt, table, file }: Note) {
    this.#context.store.append(table.journals[file] ?? '', {
      target,
      step: this.#ordinals.stepOf(table, file),
      attempt,
      status: 'note',
      text: `${target} is done`,
    });
  }

  /** A run over some targets must not make the rest of a file look undone. */
  #lookUpOthers({ step, member }: PlannedTarget) {
    const { graph, selection, store } = this.#context;
    const journal = step.table.journals[member] ?? '';
    if (this.#looked.has(journal)) return;
    this.#looked.add(journal);
    const steps = graph.plan.steps.filter(({ table }) => table === step.table);
    const unselected = (other: PlanStep, cell: number) =>
      selection.needed[targetId(other, cell, member)] !== 1;
    let state: ReturnType<typeof store.load> | undefined;
    for (const other of steps) {
      for (let cell = 0; cell < other.cellCount; cell += 1) {
        if (!unselected(other, cell)) continue;
        state ??= store.load(journal);
        const recorded = state.targets.get(targetKey(other, cell));
        this.#ordinals.mark(targetId(other, cell, member), recorded?.trace !== undefined);
      }
    }
  }
}

/** An attempt that only failed: it voids the trace and keeps the list of what lies around. */
function voiding(
  { attempt: before, previous }: TargetState,
  reason: string,
): readonly (EntryBody & { attempt: number })[] {
  const attempt = before + 1;
  const failure: Failure = { code: 'found-damaged', message: reason, mayPass: false };
  return [
    { status: 'started', attempt, previous },
    { status: 'failed', attempt, failure, log: '' },
  ];
}
