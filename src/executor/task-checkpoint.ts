// From which checkpoint a task goes on, and how it saves the next one: rows first, then the line in
// the journal that counts on them. What cannot be saved is tried again at the next interval.
import { rmSync } from 'node:fs';
import type { Checkpoint, Progress } from '../task.ts';
import type { CheckpointRecord } from './executor.ts';
import type { Attempt } from './rule.ts';
import { TargetError } from './target-error.ts';
import { TaskTables } from './task-tables.ts';

export class TaskCheckpoints {
  /** Undefined when the task begins at the beginning. */
  readonly resumed: CheckpointRecord | undefined;
  readonly #attempt: Attempt;
  readonly #ignored: readonly string[];
  readonly #began = new Date().toISOString();
  #tables: Promise<TaskTables> | undefined;

  private constructor(
    attempt: Attempt,
    parts: {
      readonly ignored: readonly string[];
      readonly resumed: CheckpointRecord | undefined;
      readonly tables: TaskTables | undefined;
    },
  ) {
    this.resumed = parts.resumed;
    this.#attempt = attempt;
    this.#ignored = parts.ignored;
    if (parts.tables !== undefined) this.#tables = Promise.resolve(parts.tables);
  }

  /**
   * A checkpoint of other bytes than the outside files have now, or whose rows are not all there, is
   * none: what belongs to it is removed.
   */
  static async open(attempt: Attempt, ignored: readonly string[]): Promise<TaskCheckpoints> {
    const { order, inputs, log } = attempt;
    const { resume } = order;
    const outside = inputs.outside();
    const anew = () => {
      if (Object.keys(outside).length > 0 || resume !== undefined) {
        rmSync(order.scratch, { recursive: true, force: true });
      }
      return new TaskCheckpoints(attempt, { ignored, resumed: undefined, tables: undefined });
    };
    if (resume === undefined) return anew();
    const changed = Object.keys({ ...outside, ...resume.outside }).filter(
      (name) => outside[name]?.sha256 !== resume.outside[name]?.sha256,
    );
    if (changed.length > 0) {
      log.line(`starting anew: ${changed.join(', ')} changed since the last checkpoint`);
      return anew();
    }
    const tables = await TaskTables.resume(attempt, resume.saved);
    if (tables === undefined) {
      log.line('starting anew: the rows of the last checkpoint are not all there');
      return anew();
    }
    log.line(`going on from record ${resume.records}`);
    return new TaskCheckpoints(attempt, { ignored, resumed: resume, tables });
  }

  /** Undefined as long as the task has none. */
  get openTables(): Promise<TaskTables> | undefined {
    return this.#tables;
  }

  tables(): Promise<TaskTables> {
    this.#tables ??= TaskTables.begin(this.#attempt);
    return this.#tables;
  }

  /** Never rejects because of a disk or a journal; says in the log what went wrong. */
  async save(
    checkpoint: Checkpoint,
    progress: Progress | undefined,
  ): Promise<'saved' | 'not saved'> {
    const { control, log, inputs } = this.#attempt;
    control.signal.throwIfAborted();
    const { records, position, isComplete } = checkpoint;
    const problem = await this.#rowsSaved(async (tables) => {
      const saved = await tables.save();
      const updated = new Date().toISOString();
      const problem = await control.checkpoint({
        records,
        rows: tables.rowCount,
        position,
        started: this.resumed?.started ?? this.#began,
        updated,
        ...(isComplete === true ? { completed_at: updated } : {}),
        ...this.#bytes(progress),
        saved,
        outside: inputs.outside(),
        ignored: this.#ignored,
      });
      if (problem === undefined) await tables.saved(saved);
      return problem;
    });
    if (problem === undefined) return 'saved';
    log.line(`checkpoint at record ${records} not saved, will be tried again: ${problem}`);
    return 'not saved';
  }

  #bytes(progress: Progress | undefined): Pick<CheckpointRecord, 'bytes'> {
    if (progress?.unit !== 'bytes' || progress.total === undefined) return {};
    const { done, total } = progress;
    return { bytes: { done, total, from: this.resumed?.bytes?.done ?? 0, since: this.#began } };
  }

  async #rowsSaved(
    save: (tables: TaskTables) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    try {
      return await save(await this.tables());
    } catch (error) {
      // A row that does not fit is the task's mistake and no trouble that may pass.
      if (error instanceof TargetError || !(error instanceof Error)) throw error;
      return error.message;
    }
  }
}
