// What past targets took, added up by step and cell from the traces that are recorded here: the
// only ground on which an estimate stands. A sample of the journals is enough for a mean, so that
// asking costs the same for a hundred files and for ten thousand.
import type { MemberTable, Plan, PlanStep } from '../plan/plan.ts';
import { targetKey } from '../plan/plan.ts';
import type { StoreReader } from '../store/store.ts';
import { type Trace, writtenBytes } from '../trace.ts';

/** Journals that are read of each kind of member, spread evenly over those there are. */
const SAMPLED_JOURNALS = 128;

/** Sums over the targets of one cell; those that were made elsewhere say nothing of time. */
export interface Past {
  readonly timed: Sample;
  readonly durationMs: number;
  readonly sized: Sample;
  readonly writtenBytes: number;
  /** Largest memory that one of them took; 0 where nobody looked. */
  readonly peakBytes: number;
}

export interface Sample {
  readonly targets: number;
  /** Of the files of the source that stand behind them. */
  readonly sourceBytes: number;
}

/** Of a target that has `sourceBytes` behind it, or of some that together have. */
export interface Work {
  readonly targets: number;
  readonly sourceBytes: number;
}

export class History {
  readonly #plan: Plan;
  readonly #store: Pick<StoreReader, 'load' | 'journals'>;
  readonly #past: (MutablePast | undefined)[][];
  readonly #sizes = new Map<MemberTable, Float64Array>();

  constructor(plan: Plan, store: Pick<StoreReader, 'load' | 'journals'>) {
    this.#plan = plan;
    this.#store = store;
    this.#past = plan.steps.map(() => []);
    const known = new Set(store.journals());
    for (const table of plan.tables) this.#readTable(table, known);
  }

  /** Undefined for a cell of which no target was ever made. */
  of(step: PlanStep, cell: number): Past | undefined {
    return this.#past[step.index]?.[cell];
  }

  /** Bytes of the source's files behind a member: what time and size are taken to grow with. */
  sourceBytes(table: MemberTable, member: number): number {
    let sizes = this.#sizes.get(table);
    if (sizes === undefined) {
      sizes = Float64Array.from(table.names.keys(), (each) => bytesBehind(table, each));
      this.#sizes.set(table, sizes);
    }
    return sizes[member] ?? 0;
  }

  #readTable(table: MemberTable, known: ReadonlySet<string>) {
    const steps = this.#plan.steps.filter((step) => step.table === table);
    const members = [...table.journals.keys()].filter((member) =>
      known.has(table.journals[member] ?? ''),
    );
    const stride = Math.max(1, members.length / SAMPLED_JOURNALS);
    for (let at = 0; at < members.length; at += stride) {
      const member = members[Math.floor(at)] ?? 0;
      const { targets } = this.#store.load(table.journals[member] ?? '');
      if (targets.size === 0) continue;
      for (const step of steps) {
        for (let cell = 0; cell < step.cellCount; cell += 1) {
          const trace = targets.get(targetKey(step, cell))?.trace;
          if (trace !== undefined) this.#add(trace, { step, cell, member });
        }
      }
    }
  }

  #add(trace: Trace, { step, cell, member }: { step: PlanStep; cell: number; member: number }) {
    const cells = this.#past[step.index] ?? [];
    cells[cell] ??= nothingYet();
    const past = cells[cell];
    const sourceBytes = this.sourceBytes(step.table, member);
    count(past.sized, sourceBytes);
    past.writtenBytes += writtenBytes(trace);
    if (trace.inferred !== undefined) return;
    count(past.timed, sourceBytes);
    past.durationMs += trace.durationMs;
    past.peakBytes = Math.max(past.peakBytes, trace.peakBytes ?? 0);
  }
}

/** In proportion to the bytes behind the targets, or to their number where there are none. */
export function inProportion(total: number, { of, to }: { of: Sample; to: Work }): number {
  if (of.sourceBytes > 0) return (total * to.sourceBytes) / of.sourceBytes;
  return of.targets > 0 ? (total * to.targets) / of.targets : 0;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type MutablePast = Mutable<Past> & Record<'timed' | 'sized', Mutable<Sample>>;

function nothingYet(): MutablePast {
  const none = { targets: 0, sourceBytes: 0 };
  return { timed: none, durationMs: 0, sized: { ...none }, writtenBytes: 0, peakBytes: 0 };
}

function count(sample: Mutable<Sample>, sourceBytes: number) {
  sample.targets += 1;
  sample.sourceBytes += sourceBytes;
}

function bytesBehind({ listing, filesOf }: MemberTable, member: number): number {
  let bytes = 0;
  for (const file of filesOf(member)) bytes += listing?.files[file]?.bytes ?? 0;
  return bytes;
}
