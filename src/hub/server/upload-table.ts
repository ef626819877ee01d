// The uploads that clients were told to do. An upload is known by a random id in its URL, which is
// all the permission that is needed to send exactly the content that was announced; it is void
// after a time, and with the server: who was interrupted asks anew and is told what is missing.
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { LargeFile } from './content-store.ts';
import { temporaryPath } from './durable.ts';

export interface Upload extends LargeFile {
  readonly id: string;
  readonly expiresAtMs: number;
  /** Undefined when the content comes in one piece. */
  readonly parts: UploadParts | undefined;
}

export interface UploadParts {
  readonly partSize: number;
  readonly count: number;
  /** Where the parts are written, each at its place. */
  readonly path: string;
  /** By part number from 1; a part that is sent again replaces its ETag. */
  readonly etags: Map<number, string>;
  /** Parts that are being received now: while there are any, the file may still change. */
  receiving: number;
  isCompleting: boolean;
}

/** Long enough for days of uploading between a batch and its commit, as on the Hub. */
const LIFETIME_MS = 24 * 3600 * 1000;
const MAX_PARTS = 10_000;

export interface UploadTableOptions {
  readonly temporaryFolder: string;
  /** Contents of at least this many bytes come in parts. */
  readonly multipartThreshold: number;
  readonly partSize: number;
}

export class UploadTable {
  readonly #options: UploadTableOptions;
  /** In the order in which they expire. */
  readonly #uploads = new Map<string, Upload>();

  constructor(options: UploadTableOptions) {
    this.#options = options;
  }

  begin({ sha256, size }: LargeFile, { inParts }: { readonly inParts: boolean }): Upload {
    this.#removeExpired();
    const id = randomBytes(24).toString('hex');
    const expiresAtMs = Date.now() + LIFETIME_MS;
    const isLarge = inParts && size > 0 && size >= this.#options.multipartThreshold;
    const parts = isLarge ? this.#parts(size) : undefined;
    const upload = { id, sha256, size, expiresAtMs, parts };
    this.#uploads.set(id, upload);
    return upload;
  }

  find(id: string): Upload | undefined {
    this.#removeExpired();
    return this.#uploads.get(id);
  }

  end(upload: Upload): void {
    this.#uploads.delete(upload.id);
  }

  #parts(size: number): UploadParts {
    const partSize = Math.max(this.#options.partSize, Math.ceil(size / MAX_PARTS));
    const path = temporaryPath(this.#options.temporaryFolder);
    const count = Math.ceil(size / partSize);
    const etags = new Map<number, string>();
    return { partSize, count, path, etags, receiving: 0, isCompleting: false };
  }

  #removeExpired(): void {
    for (const upload of this.#uploads.values()) {
      if (upload.expiresAtMs > Date.now()) return;
      this.#uploads.delete(upload.id);
      // Whatever cannot be removed now is removed with the temporary folder at the next start.
      if (upload.parts !== undefined) rm(upload.parts.path, { force: true }).catch(() => {});
    }
  }
}
