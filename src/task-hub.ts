// The part of the task contract that is about the Hub: repositories of datasets, their files and
// commits, and what a target has in one.

/** A file in a dataset repository of a Hub at one commit. */
export interface RemoteFile {
  /** In the repository, `/` between segments, as it is (never percent-encoded). */
  readonly path: string;
  readonly bytes: number;
  /** Content digest: sha256 for large files, `git:` and the blob's sha1 for those kept in git. */
  readonly digest: string;
}

/** One dataset repository of the step's Hub. Every call retries what may pass. */
export interface HubRepository {
  /** `owner/name`. */
  readonly name: string;
  /**
   * The commit that a branch or tag stands for (default: `main`); undefined when there is no such
   * repository or revision.
   */
  head(revision?: string): Promise<string | undefined>;
  /**
   * Makes the repository unless it is there; gives the newest commit. Rejects with a HubError
   * `hub-rejected` when it is to be private and is there as a public one; a private one that need
   * not be so stays private.
   */
  create(options: { readonly private: boolean }): Promise<string>;
  /** All files below a folder ('' for all), page by page. */
  list(revision: string, folder: string): AsyncIterable<RemoteFile>;
  /** Those of the given paths that exist. */
  find(revision: string, paths: readonly string[]): Promise<ReadonlyMap<string, RemoteFile>>;
  /**
   * Verifies size and digest, and goes on where an earlier call for the same file stopped; one of
   * up to 64 KiB begins anew.
   */
  download(
    revision: string,
    options: {
      readonly file: RemoteFile;
      /** Absolute path. */
      readonly to: string;
      /**
       * Absolute path, on the same file system, where a larger file waits until it is whole; asked
       * for only then. Without it, `PATH.incomplete` beside `to`.
       */
      readonly partAt?: () => string;
      /** Told of larger files. */
      readonly onBytes?: (done: number) => void;
    },
  ): Promise<void>;
  /** A range of a file's bytes, or all of it. */
  read(
    revision: string,
    path: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array>;
  /**
   * One commit on top of `parent`; gives the new one. An empty change makes no commit and gives
   * `parent`. Rejects with a HubError `conflict` when somebody else committed first.
   */
  commit(change: RemoteChange): Promise<string>;
}

export interface RemoteChange {
  readonly parent: string;
  readonly title: string;
  readonly put: readonly {
    readonly path: string;
    /** A local file by its absolute path and sha256, or the content itself. */
    readonly from: { readonly file: string; readonly sha256: string } | Uint8Array;
  }[];
  readonly remove: readonly string[];
  readonly onBytes?: (done: number) => void;
}

/** What a target has in a dataset, for summaries. */
export interface Published {
  readonly dataset: string;
  readonly commit: string;
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
}

export interface Hub {
  /** Stable identity: the same Hub under another port is the same. */
  readonly id: string;
  /** Whether repositories that are created shall be private. */
  readonly isPrivate: boolean;
  repository(name: string): HubRepository;
}
