// A Hub as tasks see it: its dataset repositories, their commits and files. It decides what an
// answer means for a repository (missing, denied, there); how requests are sent and retried is
// `fetch.ts`, what a commit needs is `commit.ts`, how bytes arrive is `download.ts` and `read.ts`.
import type { ListFileEntry, PathInfo } from '@huggingface/hub';
import type { Hub, HubRepository, RemoteFile } from '../../task.ts';
import { encodedPath, fileUrl, repositoryName } from './address.ts';
import { commit } from './commit.ts';
import { download } from './download.ts';
import { type About, brokenError, HubError, rejectedError } from './error.ts';
import { createTransport, type Network, sharedNetwork, type Transport } from './fetch.ts';
import { loadLibrary, understood } from './library.ts';
import { readBytes } from './read.ts';
import { checkedToken } from './token.ts';

export interface HubOptions {
  /** `http(s)://host[:port]`, with or without a slash at the end. */
  readonly endpoint: string;
  /** Stable identity, whatever the port. */
  readonly id: string;
  readonly token: string | undefined;
  /** Whether repositories that are created shall be private; public unless told. */
  readonly isPrivate?: boolean;
  /** Ends every call, at once. */
  readonly signal: AbortSignal;
  /** `off` sends large files whole to the Hub's storage instead of in deduplicated chunks. */
  readonly xet: 'auto' | 'off';
  /** One line about each wait and each new attempt; never holds a token. */
  readonly log?: (line: string) => void;
  /** Clock, rate limit and patience; tests bring their own. */
  readonly network?: Network;
}

const BRANCH = 'main';
/** A Hub refuses longer lists with 413. */
const MAX_PATHS = 1000;

interface Access {
  readonly hubUrl: string;
  readonly accessToken?: string;
}

interface Context {
  readonly name: string;
  readonly transport: Transport;
  readonly access: Access;
  readonly useXet: boolean;
}

/**
 * Rejected calls reject with a HubError, or with the signal's reason once it is aborted. Throws a
 * HubError `hub-denied` for a token that cannot be one, `hub-rejected` for a wrong endpoint.
 */
export function createHub(options: HubOptions): Hub {
  const { id, token, signal, log = () => {}, network = sharedNetwork } = options;
  if (token !== undefined) checkedToken(token, 'the options of this Hub');
  const endpoint = checkedEndpoint(options.endpoint);
  const transport = createTransport({ endpoint, token, signal, log, network });
  const access = { hubUrl: endpoint, ...(token === undefined ? {} : { accessToken: token }) };
  const useXet = options.xet === 'auto';
  return {
    id,
    isPrivate: options.isPrivate ?? false,
    repository: (name) =>
      createRepository({ name: repositoryName(name), transport, access, useXet }),
  };
}

function checkedEndpoint(endpoint: string): string {
  const protocol = URL.parse(endpoint)?.protocol;
  if (protocol === 'http:' || protocol === 'https:') return endpoint.replace(/\/+$/, '');
  throw new HubError('hub-rejected', {
    message: `${JSON.stringify(endpoint)} is not the endpoint of a Hub.`,
    hint: 'write it as https://HOST, without a path',
  });
}

function createRepository(context: Context): HubRepository {
  const { name, transport } = context;
  const file = (revision: string, path: string) => {
    const about = { repository: name, doing: `reading ${path}` };
    return { about, url: fileUrl(transport.endpoint, { about, revision, path }) };
  };
  const repository: HubRepository = {
    name,
    head: (revision) => findHead(context, revision),
    create: ({ private: isPrivate }) => create(context, isPrivate ? 'private' : 'public'),
    list: (revision, folder) => list(context, { revision, folder }),
    find: (revision, paths) => find(context, { revision, paths }),
    async download(revision, request) {
      await download(transport, { ...file(revision, request.file.path), ...request });
    },
    async read(revision, path, range) {
      return readBytes(transport, { ...file(revision, path), range });
    },
    commit: (change) =>
      commit({ ...context, repository, branch: BRANCH, library: loadLibrary }, change),
  };
  return repository;
}

async function findHead(context: Context, revision = BRANCH): Promise<string | undefined> {
  return (await findRevision(context, revision))?.commit;
}

interface Revision {
  readonly commit: string;
  /** Of the repository; undefined when the Hub does not say. */
  readonly isPrivate: boolean | undefined;
}

/** One request. Only the Hub's own word that there is no such thing counts as missing. */
async function findRevision(context: Context, revision: string): Promise<Revision | undefined> {
  const { name, access } = context;
  const about = { repository: name, doing: `looking for the commit of ${revision}` };
  try {
    const info = await ask(context, about, async (fetch) => {
      const { datasetInfo } = await loadLibrary();
      return datasetInfo({ ...access, name, revision, additionalFields: ['sha'], fetch });
    });
    const sha: unknown = info.sha;
    const isPrivate: unknown = info.private;
    if (typeof sha === 'string' && sha !== '') {
      return { commit: sha, isPrivate: typeof isPrivate === 'boolean' ? isPrivate : undefined };
    }
    throw brokenError(about, { what: 'the Hub did not name the commit' });
  } catch (error) {
    if (isNothing(error)) return undefined;
    throw error;
  }
}

/** A 404 without a reason may be anything: a wrong endpoint, a proxy. 401 and 403 are no answer. */
function isNothing(error: unknown): boolean {
  if (!(error instanceof HubError) || error.status !== 404) return false;
  if (error.reason === undefined) return /repository not found/i.test(error.message);
  return error.reason === 'RepoNotFound' || error.reason === 'RevisionNotFound';
}

async function create(context: Context, visibility: 'private' | 'public'): Promise<string> {
  const { name, access } = context;
  const about = { repository: name, doing: 'creating the repository' };
  const { accessToken } = access;
  if (accessToken === undefined) {
    throw new HubError('hub-denied', {
      message: `${name}: ${about.doing}: there is no token`,
      hint: 'set HF_TOKEN to a token that may write, or log in',
    });
  }
  try {
    await ask(context, about, async (fetch) => {
      const { createRepo } = await loadLibrary();
      const repo = { type: 'dataset', name } as const;
      return createRepo({ ...access, accessToken, repo, visibility, fetch });
    });
  } catch (error) {
    if (!(error instanceof HubError) || error.status !== 409) throw error;
  }
  const found = await findRevision(context, BRANCH);
  if (found === undefined) {
    throw brokenError(about, { what: 'it was created, but the Hub does not know it yet' });
  }
  // Whoever asked for a private one must not publish into what everybody can read.
  if (visibility === 'private' && found.isPrivate === false) {
    const hint = `make ${name} private in its settings on the Hub, or say "private: false"`;
    throw rejectedError(about, 'it is there already and is public, not private', hint);
  }
  return found.commit;
}

/** One request a page. */
async function* list(
  context: Context,
  { revision, folder }: { readonly revision: string; readonly folder: string },
): AsyncGenerator<RemoteFile> {
  const { name, access, transport } = context;
  transport.signal.throwIfAborted();
  const about = { repository: name, doing: `listing ${folder === '' ? 'the files' : folder}` };
  const path = folder === '' ? {} : { path: encodedPath(folder, about) };
  try {
    const { listFiles } = await loadLibrary();
    const entries = listFiles({
      ...access,
      ...path,
      repo: { type: 'dataset', name },
      revision: encodeURIComponent(revision),
      recursive: true,
      fetch: pages(transport, about),
    });
    for await (const entry of entries) {
      if (entry.type === 'file') yield remoteFile(entry, about);
    }
  } catch (error) {
    transport.signal.throwIfAborted();
    if (folder !== '' && error instanceof HubError && error.reason === 'EntryNotFound') return;
    throw understood(error, { about });
  }
}

/**
 * The `fetch` of a listing. The library takes a next page only from an absolute link, and takes
 * any other for the end; and it would follow a link to where it has been for ever.
 */
function pages(transport: Transport, about: About): typeof globalThis.fetch {
  const seen = new Set<string>();
  return async (input, init = {}) => {
    const url = addressOf(input);
    if (seen.has(url)) {
      throw rejectedError(about, 'the listing leads back to an earlier page', 'try again later');
    }
    seen.add(url);
    const response = await transport.answer(url, init, { about });
    const link = response.headers.get('link') ?? '';
    const next = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link)?.[1];
    if (next !== undefined) {
      response.headers.set('link', `<${new URL(next, url).href}>; rel="next"`);
    }
    return response;
  };
}

/** One request for each thousand paths. */
async function find(
  context: Context,
  { revision, paths }: { readonly revision: string; readonly paths: readonly string[] },
): Promise<ReadonlyMap<string, RemoteFile>> {
  const { name, access } = context;
  const about = { repository: name, doing: `looking for ${paths.length} files` };
  const found = new Map<string, RemoteFile>();
  for (let start = 0; start < paths.length; start += MAX_PATHS) {
    const some = paths.slice(start, start + MAX_PATHS);
    const repo = { type: 'dataset', name } as const;
    const entries = await ask(context, about, async (fetch) => {
      const { pathsInfo } = await loadLibrary();
      return pathsInfo({ ...access, repo, revision, paths: some, fetch });
    });
    for (const entry of entries) {
      if (entry.type === 'file') found.set(entry.path, remoteFile(entry, about));
    }
  }
  return found;
}

/** One call of the library, over the transport; whatever it rejects with becomes a HubError. */
async function ask<T>(
  { transport }: Context,
  about: About,
  call: (fetch: typeof globalThis.fetch) => Promise<T>,
): Promise<T> {
  transport.signal.throwIfAborted();
  try {
    return await call((input, init = {}) => transport.answer(addressOf(input), init, { about }));
  } catch (error) {
    transport.signal.throwIfAborted();
    throw understood(error, { about });
  }
}

function addressOf(input: Parameters<typeof globalThis.fetch>[0]): string {
  return input instanceof Request ? input.url : String(input);
}

/** The library passes on what the server sent, whatever its types say. */
function remoteFile(entry: ListFileEntry | PathInfo, about: About): RemoteFile {
  const path: unknown = entry.path;
  const bytes: unknown = entry.lfs?.size ?? entry.size;
  const sha256: unknown = entry.lfs?.oid;
  const blob: unknown = entry.oid;
  if (typeof path === 'string' && typeof bytes === 'number' && Number.isSafeInteger(bytes)) {
    if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) {
      return { path, bytes, digest: sha256 };
    }
    if (sha256 === undefined && typeof blob === 'string' && /^[0-9a-f]{40}$/.test(blob)) {
      return { path, bytes, digest: `git:${blob}` };
    }
  }
  const what = `the Hub lists ${JSON.stringify(path)} without size or digest`;
  throw rejectedError(about, what, 'check that the endpoint is a Hub');
}
