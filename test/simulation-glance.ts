// What a simulated user's next call is told at a glance. The simulation runs all the same, and so
// sees whether the answer was right.
import type { Clock, FileSystem } from '../src/file-system.ts';
import { recheck } from '../src/run/evidence.ts';
import { decodeGlance, encodeGlance } from '../src/run/glance-file.ts';
import { Witness } from '../src/run/witness.ts';
import type { RunRequest } from './simulation-world.ts';

interface GlancedAt {
  readonly fs: FileSystem;
  readonly clock: Clock;
  /** Whatever the user typed or wrote that is not read from the disk. */
  readonly call: string;
}

export class SimulatedGlance {
  readonly #work: string;
  /** As it would lie on the disk. */
  #kept: string | undefined;

  constructor(work: string) {
    this.#work = work;
  }

  /** Whether the call would be answered that there is nothing to do. */
  foretells({ force, verify }: RunRequest, { fs, clock, call }: GlancedAt): boolean {
    if (force || verify || this.#kept === undefined) return false;
    const glance = decodeGlance(Buffer.from(this.#kept));
    if (glance?.call !== call) return false;
    try {
      const found = recheck(glance.evidence, { fs, clock });
      if (found.kind === 'differs') return false;
      if (found.older !== undefined)
        this.#kept = encodeGlance({ ...glance, evidence: found.older });
      return true;
    } catch (error) {
      // What cannot be read is for the run, as in `cli/glance.ts`.
      if (error instanceof Error && 'syscall' in error) return false;
      throw error;
    }
  }

  witness({ fs, clock }: GlancedAt): Witness {
    return new Witness({ fs, clock, own: this.#work });
  }

  keep(witness: Witness, call: string): void {
    const evidence = witness.evidence({ log: `${this.#work}/state/@runs.jsonl` });
    if (evidence === undefined) return;
    const said = { targets: 0, warnings: [], notes: [], isSilent: false, hasRemarks: false };
    this.#kept = encodeGlance({ ...said, call, evidence });
  }
}
