// The requests that the client library makes for one commit, looked at on their way: equal content
// is sent once, answers are checked for what the library would lose or get wrong, and nothing is
// committed that differs from what was asked for. Every failure is kept, because the library's
// event queue may swallow it and even wait for ever (its "Logic error in eventGenerator").
import { openAsBlob, readFileSync, type Stats, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { RemoteChange } from '../../task.ts';
import { digestOfBytes } from './content.ts';
import { type About, brokenError, HubError, integrityError, rejectedError } from './error.ts';
import type { Transport } from './fetch.ts';

type Put = RemoteChange['put'][number];

interface Prepared {
  readonly put: Put;
  readonly content: Blob;
  /** What the file looked like when its upload began; undefined for bytes in memory. */
  readonly before: string | undefined;
}

export class Upload {
  /** The request that makes the commit has been sent, so that it may have been done. */
  isCommitSent = false;
  /** What failed was not tried again and asks for new upload addresses: worth starting over. */
  isWorthAnother = false;
  /** Rejects with the first failure of a request or of reading a file. */
  readonly failed: Promise<never>;
  readonly #fail: (error: unknown) => void;
  readonly #transport: Transport;
  readonly #about: About;
  readonly #prepared = new Map<string, Prepared>();
  /** Fractions of the parts of a file in work, by the library's callback for that file. */
  readonly #parts = new WeakMap<object, Map<number, number>>();

  constructor(transport: Transport, about: About) {
    this.#transport = transport;
    this.#about = about;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = reject;
    // Nobody may be waiting for it yet, or any more.
    promise.catch(() => {});
  }

  /** Opens what is to be put; rejects with a HubError `integrity` when a file is gone. */
  async prepare(puts: readonly Put[]): Promise<ReadonlyMap<string, Blob>> {
    for (const put of puts) {
      const { from, path } = put;
      if (from instanceof Uint8Array) {
        const content = new Blob([new Uint8Array(from)]);
        this.#prepared.set(path, { put, content, before: undefined });
        continue;
      }
      const { stat, text: before } = this.#look(from.file, path);
      const content =
        stat.size <= HELD_BYTES
          ? this.#held(from.file, path)
          : this.#watched(await openAsBlob(from.file), path);
      this.#prepared.set(path, { put, content, before });
    }
    return new Map([...this.#prepared].map(([path, { content }]) => [path, content]));
  }

  /** The `fetch` of the client library for this commit. */
  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    try {
      return await this.#answer(input instanceof Request ? input.url : String(input), init);
    } catch (error) {
      throw await this.#failure(error);
    }
  };

  /** Throws a HubError `integrity` when a file is not what it was when the upload began. */
  checkUnchanged(): void {
    for (const [path, { put, before }] of this.#prepared) {
      if (put.from instanceof Uint8Array) continue;
      if (this.#look(put.from.file, path).text !== before) {
        throw integrityError(this.#about, `the file for ${path} changed while it was sent`);
      }
    }
  }

  /**
   * Hands the error to whoever waits for `failed`, and to the library only after its queue is
   * empty: a rejection that meets waiting events is lost there, or nobody handles it.
   */
  async #failure(error: unknown): Promise<unknown> {
    this.#fail(error);
    await setImmediate();
    return error;
  }

  async #answer(url: string, init: RequestInit): Promise<Response> {
    if (url.endsWith('.git/info/lfs/objects/batch')) return this.#batch(url, init);
    if (url.includes('/v1/chunks/')) return this.#probe(url, init);
    if (isCommitAddress(url)) {
      this.checkUnchanged();
      this.#checkDigests(init.body);
      this.#transport.signal.throwIfAborted();
      this.isCommitSent = true;
    }
    const hint = progressHintOf(init);
    const onSent = hint && this.#progressOf(hint, init.body);
    const response = await this.#send(url, init, onSent);
    if (hint?.part !== undefined && !response.headers.has('etag')) {
      this.isWorthAnother = true;
      throw brokenError(this.#about, { what: 'the storage gave no ETag for a part' });
    }
    return response;
  }

  async #send(
    url: string,
    init: RequestInit,
    onSent: ((bytes: number) => void) | undefined,
  ): Promise<Response> {
    try {
      const about = this.#about;
      return await this.#transport.answer(url, init, onSent ? { about, onSent } : { about });
    } catch (error) {
      const isOutdated =
        error instanceof HubError && (error.status === 403 || error.status === 404);
      // The end of an upload in parts may have been done, and cannot be asked for twice.
      const isEnd = init.method === 'POST' && !url.startsWith(`${this.#transport.endpoint}/api/`);
      const mayPass = error instanceof HubError && error.code === 'hub-unavailable';
      this.isWorthAnother ||= mayPass && (isOutdated || isEnd);
      throw error;
    }
  }

  /**
   * The question of xet whether a chunk is known. The library takes every refusal for a no, which
   * costs a transfer and nothing else; so no refusal of it may end the upload.
   */
  async #probe(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#transport.answer(url, init, { about: this.#about });
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      return new Response(null, { status: error.status ?? 503 });
    }
  }

  /** The question where to upload what: each content asked for once, each answer checked. */
  async #batch(url: string, init: RequestInit): Promise<Response> {
    const about = this.#about;
    const request = fieldsOf(JSON.parse(String(init.body)));
    const asked = new Map(
      listOf(request['objects']).map((object) => [String(object['oid']), object]),
    );
    const body = JSON.stringify({ ...request, objects: [...asked.values()] });
    const response = await this.#transport.answer(url, { ...init, body }, { about });
    const text = await response.text();
    const given = listOf(fieldsOf(JSON.parse(text))['objects']);
    for (const object of given) this.#checkObject(object, asked);
    const missing = asked.size - new Set(given.map((object) => object['oid'])).size;
    if (missing > 0) {
      throw brokenError(about, { what: `the Hub did not answer for ${missing} of the files` });
    }
    const { status, headers } = response;
    return new Response(text, { status, headers });
  }

  #checkObject(object: Fields, asked: ReadonlyMap<string, Fields>): void {
    const about = this.#about;
    const oid = String(object['oid']);
    const size = asked.get(oid)?.['size'];
    if (typeof size !== 'number') {
      throw brokenError(about, { what: 'the Hub answered for a file that was not asked for' });
    }
    const error = fieldsOf(object['error']);
    if (object['error'] != null) {
      const status = Number(error['code']);
      const what = `the Hub refuses the content ${oid}: ${String(error['message'])} (${status})`;
      if (status >= 500 || status === 429) {
        this.isWorthAnother = true;
        throw brokenError(about, { what, status });
      }
      throw new HubError('hub-rejected', {
        message: `${about.repository}: ${about.doing}: ${what}`,
        status,
        hint: 'the Hub does not accept this file as it is',
      });
    }
    const header = fieldsOf(fieldsOf(fieldsOf(object['actions'])['upload'])['header']);
    const chunk = Number(header['chunk_size'] ?? 0);
    const parts = Object.keys(header).filter((key) => /^[0-9]+$/.test(key)).length;
    if (chunk > 0 && parts !== Math.ceil(size / chunk)) {
      const what = `the Hub gave ${parts} addresses for ${Math.ceil(size / chunk)} parts of a file`;
      throw rejectedError(about, what, 'the Hub and this client do not understand each other');
    }
  }

  /** The digests that the library computed while it read are those that were asked for. */
  #checkDigests(body: RequestInit['body']): void {
    for (const line of String(body).split('\n')) {
      const { key, value } = fieldsOf(JSON.parse(line));
      const fields = fieldsOf(value);
      const path = String(fields['path']);
      const from = this.#prepared.get(path)?.put.from;
      if (from === undefined || from instanceof Uint8Array) continue;
      const content = Buffer.from(String(fields['content'] ?? ''), 'base64');
      const digest = key === 'lfsFile' ? fields['oid'] : digestOfBytes(content, from.sha256);
      if (digest !== from.sha256) {
        throw integrityError(this.#about, `the file for ${path} is not the one that was recorded`);
      }
    }
  }

  #look(file: string, path: string): { readonly stat: Stats; readonly text: string } {
    const stat = this.#readable(path, () => statSync(file));
    const { dev, ino, size, mtimeMs } = stat;
    return { stat, text: `${dev}:${ino}:${size}:${mtimeMs}` };
  }

  /** The library reads a file twice, each time with four ways through the thread pool. */
  #held(file: string, path: string): Blob {
    return new Blob([this.#readable(path, () => readFileSync(file))]);
  }

  #readable<T>(path: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw integrityError(this.#about, `the file for ${path} cannot be read`, error);
    }
  }

  /** A Blob whose read errors are seen here: inside the library they may get lost. */
  #watched(content: Blob, path: string): Blob {
    const plain = content.slice();
    const lost = (error: unknown) => {
      const what = `the file for ${path} cannot be read or changed while it was sent`;
      return this.#failure(integrityError(this.#about, what, error));
    };
    const read = async () => {
      try {
        return await plain.arrayBuffer();
      } catch (error) {
        throw await lost(error);
      }
    };
    const chunks = async function* () {
      try {
        yield* plain.stream();
      } catch (error) {
        throw await lost(error);
      }
    };
    Object.defineProperties(content, {
      arrayBuffer: { value: read },
      stream: { value: () => ReadableStream.from(chunks()) },
    });
    return content;
  }

  /** Tells the library how far a body is; it turns that into its own progress events. */
  #progressOf(hint: ProgressHint, body: RequestInit['body']): (bytes: number) => void {
    const total = body instanceof Blob ? Math.max(body.size, 1) : 1;
    const { part = 0, numParts = 1, progressCallback } = hint;
    let fractions = this.#parts.get(progressCallback);
    if (fractions === undefined) {
      fractions = new Map();
      this.#parts.set(progressCallback, fractions);
    }
    const known = fractions;
    let told = 0;
    return (bytes) => {
      // Each report is an event in the library's queue: one a megabyte is plenty.
      if (bytes - told < PROGRESS_BYTES && bytes >= told) return;
      told = bytes;
      known.set(part, bytes / total);
      progressCallback([...known.values()].reduce((sum, one) => sum + one, 0) / numParts);
    };
  }
}

const PROGRESS_BYTES = 1024 * 1024;
/** Smaller files are held in memory: there are up to a thousand in a commit. */
const HELD_BYTES = 16 * 1024;

function isCommitAddress(url: string): boolean {
  return /\/api\/datasets\/[^/]+\/[^/]+\/commit\/[^/]+$/.test(url.split('?')[0] ?? '');
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

interface ProgressHint {
  readonly progressCallback: (fraction: number) => void;
  readonly part: number | undefined;
  readonly numParts: number | undefined;
}

/** What the library adds to the options of `fetch` for whoever can tell how far a body is. */
function progressHintOf(init: RequestInit): ProgressHint | undefined {
  const hint = fieldsOf('progressHint' in init ? init.progressHint : undefined);
  const { progressCallback, part, numParts } = hint;
  if (typeof progressCallback !== 'function' || init.method !== 'PUT') return undefined;
  return {
    progressCallback: (fraction) => void progressCallback(fraction),
    part: typeof part === 'number' ? part : undefined,
    numParts: typeof numParts === 'number' ? numParts : undefined,
  };
}
