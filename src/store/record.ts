// What a journal can say about a target, as data. `journal.ts` turns records into lines and back,
// `journal-state.ts` says what a sequence of them means.
import type { CheckpointRecord } from '../executor/executor.ts';
import type { Failure, Fields, Trace } from '../trace.ts';

/** Files and manifests, relative to the work folder, that earlier attempts may have left. */
export interface Leftovers {
  readonly paths: readonly string[];
  readonly manifests: readonly string[];
}

/** What a target's work is, so that a checkpoint is used for the same work only. */
export interface WorkIdentity {
  readonly fields: Fields;
  readonly inputs: Readonly<Record<string, string>>;
}

/** Mtimes in milliseconds as found by a rehash that confirmed the trace. */
export interface Mtimes {
  /** By path of artifact or manifest. */
  readonly artifacts: Readonly<Record<string, number>>;
  /** By name in the trace's `outside`. */
  readonly outside?: Readonly<Record<string, number>>;
}

/** What an attempt took. For people: it is never read back to decide anything. */
export interface Effort {
  /** Number of the worker, from 1; undefined for what the runner did itself. */
  readonly worker?: number;
  /** Of the files that it was given to read. */
  readonly bytesIn?: number;
}

/** What the caller says; time and run are the store's to add. */
export type Entry = EntryHead & EntryBody;

export interface EntryHead {
  /**
   * Step and cell (`process:claims`): the journal is the member. A note carries the whole name
   * (`push:claims@chunk=0`) of the group target it is about.
   */
  readonly target: string;
  /** The highest ordinal up to which everything is done for this file once this is recorded. */
  readonly step: number;
  /** Counts from 1, over all runs. */
  readonly attempt: number;
}

export type EntryBody =
  /** Voids the trace. Must be durable (`flush`) before the first output is renamed into place. */
  | {
      readonly status: 'started';
      /** `TargetState.previous`, so that what is no longer made is deleted. */
      readonly previous: Leftovers;
      /** Needed by targets that may save checkpoints. */
      readonly work?: WorkIdentity;
      /** The attempt goes on from the last checkpoint, which therefore still counts. */
      readonly resumed?: true;
    }
  | { readonly status: 'checkpoint'; readonly checkpoint: CheckpointRecord }
  | { readonly status: 'done'; readonly trace: Trace; readonly effort?: Effort }
  /** `log` relative to the work folder. The failure's detail stays in the log. */
  | {
      readonly status: 'failed';
      readonly failure: Failure;
      readonly log: string;
      readonly effort?: Effort;
    }
  | { readonly status: 'interrupted'; readonly effort?: Effort }
  /** What `clean` deleted; the trace stays valid. */
  | {
      readonly status: 'released';
      readonly paths: readonly string[];
      /** Manifests whose files were deleted (they themselves stay). */
      readonly manifests: readonly string[];
      readonly bytes: number;
    }
  /** A stale target called up to date: the trace is what it is taken for from now on. */
  | {
      readonly status: 'accepted';
      readonly trace: Trace;
      readonly who: string;
      readonly why: string;
    }
  /** The trace `of` (`TargetState.traceId`) was rehashed and holds. */
  | { readonly status: 'verified'; readonly of: string; readonly mtimes: Mtimes }
  /** For people, on members of a group: never decides anything. */
  | { readonly status: 'note'; readonly text: string };

/** Lines that only the store itself writes. */
export type InnerBody =
  /** A piece of the record that follows, too large for one line. */
  | {
      readonly status: 'part';
      readonly part: number;
      readonly inputs?: Trace['inputs'];
      readonly outside?: Trace['outside'];
      /** A piece of the record's JSON text, where taking out its inputs was not enough. */
      readonly text?: string;
    }
  /** A torn tail of so many bytes was here: whatever it said, traces before it are unproven. */
  | { readonly status: 'cut'; readonly bytes: number };

export interface RecordHead extends EntryHead {
  /** ISO time. */
  readonly at: string;
  readonly run: string;
}

/** A record as it is kept. */
export type JournalRecord = RecordHead & EntryBody;
export type InnerRecord = RecordHead & InnerBody;

export type EntryStatus = EntryBody['status'];
export type LineStatus = EntryStatus | InnerBody['status'];
