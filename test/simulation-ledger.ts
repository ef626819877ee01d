// What the simulation remembers beside the runner, to say afterwards what may have run and which
// files may lie around: with which work every target was last done, and who ever made which path.
import { matchesPath } from '../src/glob.ts';
import type { TargetState } from '../src/store/journal-state.ts';
import type { StoreReader } from '../src/store/store.ts';
import { KEEP_ALL } from './fake-disk.ts';
import type { Damage } from './simulation-history.ts';
import type { ExpectedTarget } from './simulation-model.ts';
import type { RunReport } from './simulation-report.ts';
import type { RunRequest } from './simulation-world.ts';

type Expected = ReadonlyMap<string, ExpectedTarget>;

export class Ledger {
  /** Signature of the work that each target was last done with, unless it is in doubt. */
  readonly #done = new Map<string, string>();
  readonly #journals = new Map<string, string>();
  readonly #makers = new Map<string, Set<string>>();
  /** Where each target last began to make its files. */
  readonly #places = new Map<string, readonly string[]>();
  /** All places where each target ever began to make its files. */
  readonly #everPlaces = new Map<string, Set<string>>();
  /** Files whose content was changed behind the runner's back. */
  readonly tampered = new Set<string>();
  readonly #harmed = new Set<string>();
  /** Lists of what lies around were harmed: more may stay than should. */
  hasLostLists = false;
  hasHarmedState = false;

  noteDamage({ path, isInPlace }: Damage): void {
    if (path.startsWith('state/')) {
      this.hasLostLists = true;
      this.hasHarmedState = true;
      const journal = path.slice('state/'.length, -'.jsonl'.length);
      for (const [target, its] of this.#journals) if (its === journal) this.#done.delete(target);
      return;
    }
    this.#harmed.add(path);
    if (path.startsWith('audit/')) this.hasLostLists = true;
    if (isInPlace) this.tampered.add(path);
    for (const target of this.makersOf(path)) this.#done.delete(target);
  }

  /** Whether somebody besides the runner changed the file. */
  isHarmed(path: string): boolean {
    return this.#harmed.has(path);
  }

  makersOf(path: string): ReadonlySet<string> {
    const makers = this.#makers.get(path);
    if (makers !== undefined) return makers;
    // Made of content that was there only while it ran.
    const near = [...this.#everPlaces].filter(([, places]) =>
      [...places].some((place) => matchesPath(place, path)),
    );
    return new Set(near.map(([name]) => name));
  }

  /** Complaints about targets that ran although nothing asked for it. */
  noteRun(
    {
      report,
      request,
      shaken,
      before,
    }: {
      report: RunReport;
      request: RunRequest;
      /** Of which nobody can say what they were made of. */
      shaken: ReadonlySet<string>;
      before: Before;
    },
    expected: Expected,
  ): readonly string[] {
    const isCut = report.summary?.outcome !== 'ok';
    const complaints: string[] = [];
    for (const name of report.started.keys()) {
      const target = expected.get(name);
      if (target === undefined) continue;
      const isAsked =
        (request.force && before.named.has(name)) ||
        shaken.has(name) ||
        // What cannot be read is made again.
        request.fault !== undefined ||
        this.#done.get(name) !== target.signature ||
        this.#isWanted(target, { report, expected, before, isCut }) ||
        target.releases.some((other) => !before.released.has(other) || report.started.has(other));
      const reasons = report.started.get(name)?.join('; ');
      if (!isAsked) complaints.push(`${name} ran and need not: ${reasons}`);
    }
    for (const name of report.started.keys()) this.#noteStart(name, { report, expected });
    for (const name of shaken) if (report.started.has(name)) this.#done.delete(name);
    for (const name of [...report.failed.keys(), ...report.blamed]) this.#done.delete(name);
    // Without power, what was done a moment ago may be gone.
    const isLossy = report.summary === undefined && request.choose !== KEEP_ALL;
    if (isLossy) {
      for (const name of report.started.keys()) this.#done.delete(name);
      this.hasLostLists = true;
    }
    return complaints;
  }

  /** The crash may have come between the record of a target's begin and the event. */
  noteCrash(begun: readonly string[]): void {
    for (const name of begun) this.#done.delete(name);
  }

  #isWanted(
    { name }: ExpectedTarget,
    {
      report,
      expected,
      before,
      isCut,
    }: { report: RunReport; expected: Expected; before: Before; isCut: boolean },
  ): boolean {
    if (!before.released.has(name)) return false;
    if (isCut) return true;
    for (const [other, { producers, step }] of expected) {
      const reads = step.kind !== 'release' && !step.acceptsReleased;
      if (!reads || !producers.includes(name)) continue;
      if (isUnderWork(other, { report, expected })) return true;
    }
    return false;
  }

  #noteStart(name: string, { report, expected }: { report: RunReport; expected: Expected }): void {
    const target = expected.get(name);
    this.#done.delete(name);
    if (target === undefined) return;
    this.#journals.set(name, target.journal);
    for (const [other, places] of this.#places) {
      // Whose place was taken has nothing there any more.
      if (other !== name && places.some((place) => target.places.includes(place))) {
        this.#done.delete(other);
      }
    }
    this.#places.set(name, target.places);
    const ever = this.#everPlaces.get(name) ?? new Set();
    for (const place of target.places) ever.add(place);
    this.#everPlaces.set(name, ever);
    if (report.done.has(name)) this.#done.set(name, target.signature);
    const paths = target.files.map(({ path }) => path);
    if (target.manifest !== undefined) paths.push(target.manifest);
    for (const path of paths) {
      const makers = this.#makers.get(path) ?? new Set();
      this.#makers.set(path, makers.add(name));
      if (report.done.has(name)) this.tampered.delete(path);
    }
    if (report.summary !== undefined) return;
    for (const released of target.releases) this.#done.delete(released);
  }
}

/** How things stood before a run. */
export interface Before {
  readonly released: ReadonlySet<string>;
  readonly named: ReadonlySet<string>;
}

function isUnderWork(
  name: string,
  { report, expected }: { report: RunReport; expected: Expected },
): boolean {
  if (report.started.has(name)) return true;
  const producers = expected.get(name)?.producers ?? [];
  return producers.some((producer) => isUnderWork(producer, { report, expected }));
}

export function releasedTargets(store: StoreReader, expected: Expected): ReadonlySet<string> {
  const released = new Set<string>();
  for (const [name, state] of recordedStates(store, expected)) {
    if (state.released !== undefined) released.add(name);
  }
  return released;
}

/** What the journals say of the targets of the plan. */
export function recordedStates(
  store: StoreReader,
  expected: Expected,
): ReadonlyMap<string, TargetState> {
  const journals = new Map<string, ReadonlyMap<string, TargetState>>();
  const states = new Map<string, TargetState>();
  for (const { name, journal } of expected.values()) {
    const targets = journals.get(journal) ?? store.load(journal).targets;
    journals.set(journal, targets);
    const state = targets.get(name.split('@')[0] ?? '');
    if (state !== undefined) states.set(name, state);
  }
  return states;
}
