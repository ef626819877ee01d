// From one request to one answer: route, rate limit, faults, token, repo, revision, and then the
// route's own function. The only place that catches: what a route throws is a bug or the operating
// system and becomes a 500; a connection that broke off is nobody's error.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { validateYaml, whoAmI } from './account-routes.ts';
import { type Answer, badRequest, errorAnswer, notFound } from './answer.ts';
import type { Call, Hub, RepoCall, RevisionCall } from './call.ts';
import { commit, preupload } from './commit-routes.ts';
import { cdnContent, rawFile, resolveFile } from './content-routes.ts';
import type { FaultAction, FaultInjector } from './fault.ts';
import { fieldsOf, listOf } from './json-fields.ts';
import { completeParts, lfsBatch, lfsVerify, receivePart, receiveWhole } from './lfs-routes.ts';
import { listTree, pathsInfo } from './listing-routes.ts';
import {
  createBranch,
  createRepo,
  deleteBranch,
  deleteRepo,
  listCommits,
  listRefs,
  repoInfo,
} from './repo-routes.ts';
import { drain } from './request-body.ts';
import {
  matchRoute,
  type RepoRouteName,
  type RevisionRouteName,
  type RouteMatch,
  type RouteName,
} from './route.ts';
import { send, stall } from './send.ts';

/** One request as it was served, for logs and for tests that count. */
export interface ServedRequest {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** Undefined for what is no route of the Hub. */
  readonly route: RouteName | undefined;
  /** Undefined when the connection ended without an answer. */
  readonly status: number | undefined;
  readonly durationMs: number;
}

export interface ServiceOptions {
  readonly hub: Hub;
  readonly token: string;
  readonly faults: () => FaultInjector;
  readonly onRequest: ((request: ServedRequest) => void) | undefined;
  /** Only what the second origin serves, or all but that. */
  readonly isCdn: boolean;
}

type PlainRouteName = Exclude<RouteName, RepoRouteName | RevisionRouteName>;

const PLAIN_ROUTES: Readonly<Record<PlainRouteName, (call: Call) => Promise<Answer>>> = {
  whoami: whoAmI,
  'validate-yaml': validateYaml,
  'create-repo': createRepo,
  'delete-repo': deleteRepo,
  upload: receiveWhole,
  'upload-part': receivePart,
  'upload-complete': completeParts,
  cdn: cdnContent,
};

const REPO_ROUTES: Readonly<Record<RepoRouteName, (call: RepoCall) => Promise<Answer>>> = {
  refs: listRefs,
  'create-branch': createBranch,
  'delete-branch': deleteBranch,
  commit,
  'lfs-batch': lfsBatch,
  'lfs-verify': lfsVerify,
};

const REVISION_ROUTES: Readonly<
  Record<RevisionRouteName, (call: RevisionCall) => Promise<Answer>>
> = {
  'repo-info': repoInfo,
  tree: listTree,
  'paths-info': pathsInfo,
  preupload,
  commits: listCommits,
  resolve: resolveFile,
  raw: rawFile,
};

/** Their links carry their own permission. */
const OPEN_ROUTES: ReadonlySet<RouteName> = new Set<RouteName>([
  'upload',
  'upload-part',
  'upload-complete',
  'cdn',
]);

/** Never rejects: everything that can happen to a request ends here. */
export async function serve(
  options: ServiceOptions,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const startedMs = performance.now();
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  const method = request.method ?? '';
  const matched = matchRoute(method, path);
  const match = matched.kind === 'matched' ? matched.match : undefined;
  try {
    if (match === undefined) {
      await drain(request);
      await send({ request, response, answer: refuseRoute(matched.kind), fault: undefined });
    } else {
      const query = new URLSearchParams(search);
      await serveRoute(options, { request, response, path, query, match });
    }
  } catch (error) {
    await sendFailure({ request, response, error });
  }
  options.onRequest?.({
    method,
    path,
    route: match?.route,
    status: response.writableEnded ? response.statusCode : undefined,
    durationMs: performance.now() - startedMs,
  });
}

interface Matched {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly match: RouteMatch;
}

async function serveRoute(options: ServiceOptions, matched: Matched): Promise<void> {
  const { request, response, path, query, match } = matched;
  const described = { method: request.method ?? '', path, route: match.route };
  const faults = options.faults();
  const { headers, refusal } = faults.limit(described);
  const fault = refusal === undefined ? faults.next(described) : undefined;
  if (fault?.kind === 'reset' && fault.when === 'before') return reset(request);
  if (fault?.kind === 'stall' && fault.afterBytes === undefined) return stall(response, fault);
  if (fault?.kind === 'ignore-range') delete request.headers.range;
  const early = refusal ?? (fault?.kind === 'answer' ? plannedAnswer(fault) : undefined);
  if (early !== undefined) await drain(request);
  const origin = originOf(request);
  const answered =
    early ?? (await answer(options, { hub: options.hub, request, match, query, origin }));
  if (fault?.kind === 'reset') return reset(request);
  const changed = fault?.kind === 'lfs-error' ? withLfsError(answered, fault) : answered;
  const final = { ...changed, headers: { ...headers, ...changed.headers } };
  await send({ request, response, answer: final, fault: bodyFault(fault) });
}

async function answer({ token, isCdn }: ServiceOptions, call: Call): Promise<Answer> {
  const { request, match, hub } = call;
  const { route } = match;
  if (isCdn !== (route === 'cdn')) return refuse(request, refuseRoute('unknown'));
  if (!OPEN_ROUTES.has(route)) {
    const refusal = refuseToken(request.headers.authorization, token);
    if (refusal !== undefined) return refuse(request, refusal);
  }
  if (isKeyOf(PLAIN_ROUTES, route)) return PLAIN_ROUTES[route](call);
  const repository = match.repo === undefined ? undefined : await hub.repositories.find(match.repo);
  if (repository === undefined) {
    return refuse(request, notFound('RepoNotFound', 'Repository not found'));
  }
  if (isKeyOf(REPO_ROUTES, route)) return REPO_ROUTES[route]({ ...call, repository });
  const revision = match.revision ?? '';
  const found = await repository.resolve(revision);
  if (found === undefined) {
    return refuse(request, notFound('RevisionNotFound', `Invalid rev id: ${revision}`));
  }
  return REVISION_ROUTES[route]({ ...call, repository, commit: found });
}

function isKeyOf<K extends string>(routes: Readonly<Record<K, unknown>>, key: string): key is K {
  return Object.hasOwn(routes, key);
}

async function refuse(request: IncomingMessage, refusal: Answer): Promise<Answer> {
  await drain(request);
  return refusal;
}

function refuseRoute(kind: 'unknown' | 'wrong-method' | 'bad-encoding' | 'matched'): Answer {
  if (kind === 'wrong-method') return errorAnswer(405, 'Method not allowed');
  if (kind === 'bad-encoding') return badRequest('The path is not valid percent-encoding');
  return errorAnswer(404, 'Not found');
}

/** In the words of the Hub: clients tell a wrong token from a private repo by them. */
function refuseToken(authorization: string | undefined, token: string): Answer | undefined {
  if (authorization === undefined) return errorAnswer(401, 'Invalid username or password.');
  const given = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? '';
  if (timingSafeEqual(sha256(given), sha256(token))) return undefined;
  return errorAnswer(401, 'Invalid credentials in Authorization header');
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Links in answers begin as the client itself named this server. */
function originOf({ headers, socket }: IncomingMessage): string {
  const { host = '' } = headers;
  if (/^[A-Za-z0-9.-]+(?::\d+)?$/.test(host)) return `http://${host}`;
  return `http://${socket.localAddress}:${socket.localPort}`;
}

function plannedAnswer(fault: Extract<FaultAction, { kind: 'answer' }>): Answer {
  const { status, headers = {}, body = { error: `Fault ${status}` } } = fault;
  if (typeof body !== 'string') return { status, headers, body: { kind: 'json', value: body } };
  const html = { 'Content-Type': 'text/html; charset=utf-8', ...headers };
  return { status, headers: html, body: { kind: 'bytes', bytes: Buffer.from(body) } };
}

function withLfsError(
  batch: Answer,
  { object, code, message }: Extract<FaultAction, { kind: 'lfs-error' }>,
): Answer {
  const { body } = batch;
  const value = body.kind === 'json' ? fieldsOf(body.value) : {};
  const objects = listOf(value['objects']).map((row, i) => {
    const { oid, size } = fieldsOf(row);
    return i === object - 1 ? { oid, size, error: { code, message } } : row;
  });
  return { ...batch, body: { kind: 'json', value: { ...value, objects } } };
}

/** Only what happens to the body is left to do while sending. */
function bodyFault(fault: FaultAction | undefined): FaultAction | undefined {
  const kinds = ['stall', 'truncate', 'slow', 'wrong-bytes'];
  return fault !== undefined && kinds.includes(fault.kind) ? fault : undefined;
}

function reset({ socket }: IncomingMessage): void {
  socket.resetAndDestroy();
}

interface Failed {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly error: unknown;
}

async function sendFailure({ request, response, error }: Failed): Promise<void> {
  // Nobody is there to be told, or half of another answer is already sent.
  if (request.socket.destroyed || response.headersSent) {
    response.destroy();
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  const answer = errorAnswer(500, `Internal Error - ${message}`);
  await send({ request, response, answer, fault: undefined }).catch(() => response.destroy());
}
