// The uploads in parts that clients were told to do. One is known by a random id in its URLs,
// which is all the permission that is needed to send exactly the content that was announced; it is
// void after a time, and with the server.
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { LargeFile } from './content-store.ts';
import { temporaryPath } from './durable.ts';
import { WRITE_LIFETIME_MS } from './link-signer.ts';

export interface PartsUpload extends LargeFile {
  readonly id: string;
  readonly expiresAtMs: number;
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
  readonly #uploads = new Map<string, PartsUpload>();

  constructor(options: UploadTableOptions) {
    this.#options = options;
  }

  /** Undefined when the content is to come in one piece. */
  begin({ sha256, size }: LargeFile): PartsUpload | undefined {
    const { multipartThreshold, temporaryFolder } = this.#options;
    if (size === 0 || size < multipartThreshold) return undefined;
    this.#removeExpired();
    const partSize = Math.max(this.#options.partSize, Math.ceil(size / MAX_PARTS));
    const upload: PartsUpload = {
      id: randomBytes(24).toString('hex'),
      sha256,
      size,
      expiresAtMs: Date.now() + WRITE_LIFETIME_MS,
      partSize,
      count: Math.ceil(size / partSize),
      path: temporaryPath(temporaryFolder),
      etags: new Map(),
      receiving: 0,
      isCompleting: false,
    };
    this.#uploads.set(upload.id, upload);
    return upload;
  }

  find(id: string): PartsUpload | undefined {
    this.#removeExpired();
    return this.#uploads.get(id);
  }

  end(upload: PartsUpload): void {
    this.#uploads.delete(upload.id);
  }

  #removeExpired(): void {
    for (const upload of this.#uploads.values()) {
      if (upload.expiresAtMs > Date.now()) return;
      this.#uploads.delete(upload.id);
      // What cannot be removed now is removed with the temporary folder at the next start.
      rm(upload.path, { force: true }).catch(() => undefined);
    }
  }
}
