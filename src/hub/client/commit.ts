// Makes one commit, and knows afterwards whether it was made. A commit whose answer was lost is
// never asked for again blindly: the repository is read back, and only if nothing happened there
// the whole is tried again.
//
//   upload -> commit sent -> answered: done
//     |           `-> no answer: read back -> all there: done | head moved: conflict
//     `-> failed before: nothing happened <----------------- untouched: again, three times in all
//
// One for which the Hub ran out of time is not tried again as it is: the caller sends less.

import { stat } from 'node:fs/promises';
import type { CommitOperation, CommitProgressEvent } from '@huggingface/hub';
import type { HubRepository, RemoteChange, RemoteFile } from '../../task.ts';
import { checkedPath } from './address.ts';
import { digestOfBytes, digestOfFile } from './content.ts';
import { type About, brokenError, HubError, rejectedError } from './error.ts';
import { backoffMs, type Transport } from './fetch.ts';
import { type Library, understood } from './library.ts';
import { Upload } from './upload.ts';

export interface CommitContext {
  readonly transport: Transport;
  readonly repository: Pick<HubRepository, 'name' | 'head' | 'find'>;
  readonly branch: string;
  readonly useXet: boolean;
  /** What every call of the library is given. */
  readonly access: { readonly hubUrl: string; readonly accessToken?: string };
  readonly library: () => Promise<Library>;
}

const MAX_TRIES = 3;

/** The new head; `parent` itself for an empty change. */
export async function commit(context: CommitContext, change: RemoteChange): Promise<string> {
  const { transport, repository } = context;
  const about = { repository: repository.name, doing: `commit "${change.title}"` };
  checkChange(change, about);
  if (change.put.length === 0 && change.remove.length === 0) return change.parent;
  let mayBeDone = false;
  for (let tries = 1; ; tries += 1) {
    transport.signal.throwIfAborted();
    const outcome = await tryCommit(context, { change, about });
    if (outcome.commit !== undefined) return outcome.commit;
    const { error, isWorthAnother } = outcome;
    transport.signal.throwIfAborted();
    mayBeDone ||= outcome.isSent && !isRefusal(error);
    const wait = backoffMs(tries, transport.timing);
    if (mayBeDone) {
      transport.log(`${error.message}; looking whether the commit was made`);
      // A Hub may still be at work on a commit that it gave no answer for.
      await transport.timing.sleep(wait, transport.signal);
      const done = await readBack(context, { change, about, error });
      if (done !== undefined) return done;
    }
    // A Hub that ran out of time over a commit is not asked for the same one again.
    const isTooMuch = outcome.isSent && (error.status === 504 || error.isTimeout);
    const isOver = tries === MAX_TRIES || error.code !== 'hub-unavailable' || isTooMuch;
    if (isOver || !(mayBeDone || isWorthAnother)) {
      throw outcome.isSent && mayDoWithLess(error) ? withLess(error) : error;
    }
    if (!mayBeDone) await transport.timing.sleep(wait, transport.signal);
    transport.log(`${about.repository}: ${about.doing}: nothing was committed; trying again`);
  }
}

function checkChange(change: RemoteChange, about: About): void {
  const paths = [...change.put.map(({ path }) => path), ...change.remove];
  const seen = new Set<string>();
  for (const path of paths) {
    checkedPath(path, about);
    if (seen.has(path)) {
      const what = `${path} occurs twice in one commit`;
      throw rejectedError(about, what, 'put or remove a path once');
    }
    seen.add(path);
  }
}

/** Whether the server said that it did not do it. */
function isRefusal({ status }: HubError): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 408;
}

/** Too large by the Hub's own word, or never answered: a large one gets lost where a small one does not. */
function mayDoWithLess(error: HubError): boolean {
  return error.status === 413 || (error.code === 'hub-unavailable' && !isRefusal(error));
}

function withLess(error: HubError): HubError {
  const { code, message, hint, mayPass, isTimeout, status, reason } = error;
  const known = { message, hint, mayPass, isTimeout, status, reason };
  return new HubError(code, { ...known, cause: error, lessMayDo: true });
}

interface Task {
  readonly change: RemoteChange;
  readonly about: About;
}

type Outcome =
  | { readonly commit: string }
  | {
      readonly commit?: undefined;
      readonly error: HubError;
      readonly isSent: boolean;
      readonly isWorthAnother: boolean;
    };

async function tryCommit(context: CommitContext, { change, about }: Task): Promise<Outcome> {
  const { transport, library, access, branch, useXet, repository } = context;
  const upload = new Upload(transport, about);
  // Its own controller: the library never takes its listener off the signal, and does not stop
  // by itself when it has lost a failure.
  const controller = new AbortController();
  try {
    const contents = await upload.prepare(change.put);
    const { commitIter } = await library();
    const events = commitIter({
      ...access,
      repo: { type: 'dataset', name: repository.name },
      title: change.title,
      branch,
      parentCommit: change.parent,
      operations: operationsOf(change, contents),
      useXet,
      abortSignal: controller.signal,
      fetch: upload.fetch,
    });
    const result = await Promise.race([drain(events, { change, contents }), upload.failed]);
    const oid: unknown = result?.commit.oid;
    if (typeof oid !== 'string' || oid === '') {
      throw brokenError(about, { what: 'the Hub did not name the new commit' });
    }
    return { commit: oid };
  } catch (error) {
    controller.abort();
    const { isCommitSent: isSent, isWorthAnother } = upload;
    if (transport.signal.aborted) throw transport.signal.reason;
    const known = isSent ? error : causeBefore(upload, error);
    return { error: understood(known, { about }), isSent, isWorthAnother };
  }
}

/** A storage that refuses wrong bytes does not know why they are wrong: a file that changed. */
function causeBefore(upload: Upload, error: unknown): unknown {
  try {
    upload.checkUnchanged();
    return error;
  } catch (changed) {
    return changed;
  }
}

function operationsOf(
  change: RemoteChange,
  contents: ReadonlyMap<string, Blob>,
): CommitOperation[] {
  return [
    ...[...contents].map(([path, content]) => ({
      operation: 'addOrUpdate' as const,
      path,
      content,
    })),
    ...change.remove.map((path) => ({ operation: 'delete' as const, path })),
  ];
}

type CommitEvents = ReturnType<Library['commitIter']>;
type Committed = Awaited<ReturnType<Library['commit']>>;

/** Runs to the end, never slower than events come; tells how many bytes are there. */
async function drain(
  events: CommitEvents,
  options: { readonly change: RemoteChange; readonly contents: ReadonlyMap<string, Blob> },
): Promise<Committed> {
  const { change, contents } = options;
  const sizes = [...contents.values()].map(({ size }) => size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const done = new Map<string, number>();
  let sum = 0;
  const note = (event: CommitProgressEvent) => {
    if (event.event !== 'fileProgress' || event.state !== 'uploading') return;
    const bytes = Math.round((contents.get(event.path)?.size ?? 0) * event.progress);
    sum += bytes - (done.get(event.path) ?? 0);
    done.set(event.path, bytes);
    change.onBytes?.(Math.min(sum, total));
  };
  for (;;) {
    const next = await events.next();
    if (!next.done) note(next.value);
    else {
      change.onBytes?.(total);
      return next.value;
    }
  }
}

/**
 * Whether the repository holds what the commit was to bring about: gives the head that does,
 * undefined when nothing happened since `parent`; rejects with `hub-conflict` otherwise.
 */
async function readBack(
  context: CommitContext,
  { change, about, error }: Task & { readonly error: HubError },
): Promise<string | undefined> {
  const { repository, transport } = context;
  const head = await lookAgain(about, () => repository.head());
  if (head === change.parent) return undefined;
  if (head === undefined) throw error;
  const paths = [...change.put.map(({ path }) => path), ...change.remove];
  const found = await lookAgain(about, () => repository.find(head, paths));
  const isRemoved = change.remove.every((path) => !found.has(path));
  if (isRemoved && (await areThere(change.put, { found, signal: transport.signal }))) return head;
  throw new HubError('hub-conflict', {
    message: `${about.repository}: ${about.doing}: the repository is at another commit, ${head}`,
    mayPass: true,
    status: error.status,
    hint: 'somebody else committed meanwhile; run again to go on from there',
    cause: error,
  });
}

async function lookAgain<T>(about: About, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    const what = 'the answer was lost, and whether it was made cannot be seen';
    throw new HubError(error.code, {
      message: `${about.repository}: ${about.doing}: ${what}: ${error.message}`,
      mayPass: error.mayPass,
      status: error.status,
      hint: 'run again: what is there already is recognised',
      cause: error,
    });
  }
}

async function areThere(
  puts: RemoteChange['put'],
  options: { readonly found: ReadonlyMap<string, RemoteFile>; readonly signal: AbortSignal },
): Promise<boolean> {
  for (const { path, from } of puts) {
    const remote = options.found.get(path);
    if (remote === undefined) return false;
    if ((await localDigest(from, { remote, signal: options.signal })) !== remote.digest)
      return false;
  }
  return true;
}

/** The digest of what was to be put, of the kind that the Hub gave. */
async function localDigest(
  from: RemoteChange['put'][number]['from'],
  { remote, signal }: { readonly remote: RemoteFile; readonly signal: AbortSignal },
): Promise<string> {
  const like = remote.digest;
  if (from instanceof Uint8Array) return digestOfBytes(from, like);
  if (!like.startsWith('git:')) return from.sha256;
  return digestOfFile(from.file, { bytes: (await stat(from.file)).size, like, signal });
}
