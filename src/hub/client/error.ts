// What can go wrong with a Hub, as one error with a stable code, and what each HTTP status and
// network failure means: whether it may pass, and what a person can do. It is thrown, because it
// rises through the client library and through tasks; it never holds a token or a signed address.

/** Codes of a Hub that could not be asked, or refused. */
export const HUB_FAILURES = [
  'hub-denied',
  'hub-missing',
  'hub-conflict',
  'hub-unavailable',
  'hub-rejected',
] as const;

export type HubErrorCode = (typeof HUB_FAILURES)[number] | 'integrity';

interface HubErrorOptions {
  readonly message: string;
  readonly hint: string;
  readonly mayPass?: boolean;
  readonly isTimeout?: boolean;
  readonly lessMayDo?: boolean;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly cause?: unknown;
}

export class HubError extends Error {
  readonly code: HubErrorCode;
  /** Whether another attempt may succeed without anything being changed. */
  readonly mayPass: boolean;
  /** Nothing moved for so long that the answer was no longer waited for. */
  readonly isTimeout: boolean;
  /** A commit that was not made, where one of fewer files may be. */
  readonly lessMayDo: boolean;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The server's own word for it (`RepoNotFound`, `EntryNotFound`, `GatedRepo`, ..). */
  readonly reason: string | undefined;
  /** What to do next. */
  readonly hint: string;

  constructor(code: HubErrorCode, options: HubErrorOptions) {
    super(options.message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'HubError';
    this.code = code;
    this.mayPass = options.mayPass ?? false;
    this.isTimeout = options.isTimeout ?? false;
    this.lessMayDo = options.lessMayDo ?? false;
    this.status = options.status;
    this.reason = options.reason;
    this.hint = options.hint;
  }
}

/** What a request is about, for messages. */
export interface About {
  /** `owner/name`. */
  readonly repository: string;
  /** `reading data/x.parquet`. */
  readonly doing: string;
}

export interface RefusedAnswer {
  readonly about: About;
  /** Method and path, without a query; undefined for an address that is itself a secret. */
  readonly request: string | undefined;
  readonly status: number;
  readonly reason: string | undefined;
  /** What the server said in one line, redacted; '' when it said nothing. */
  readonly said: string;
  /** A storage address that the Hub signed for a while, not the Hub itself. */
  readonly signed: boolean;
}

/** The error of an answer with a status of 400 or more. */
export function refusedError(answer: RefusedAnswer): HubError {
  const { about, request, status, reason, said, signed } = answer;
  const from = signed ? 'the storage behind the Hub' : 'the Hub';
  const where = request === undefined ? '' : ` to ${request}`;
  const why = said === '' ? (reason ?? '') : said;
  const message = `${place(about)}: ${from} answered ${status}${where}${why && `: ${why}`}`;
  const more = { message, status, reason };
  if (signed && (status === 403 || status === 404)) {
    return new HubError('hub-unavailable', {
      ...more,
      mayPass: true,
      hint: 'the address that the Hub gave has probably expired; run again to get a new one',
    });
  }
  const { code, hint } = meaningOf(status, { reason, said, repository: about.repository });
  return new HubError(code, { ...more, hint, mayPass: MAY_PASS.has(code) });
}

const MAY_PASS: ReadonlySet<HubErrorCode> = new Set(['hub-unavailable', 'hub-conflict']);

const TOKEN_PLACES =
  'HF_TOKEN (or the variable that the pipeline names), else the file of a login: ' +
  'HF_TOKEN_PATH, $HF_HOME/token or ~/.cache/huggingface/token';

interface Refusal {
  readonly reason: string | undefined;
  readonly said: string;
  readonly repository: string;
}

function meaningOf(
  status: number,
  { reason, said, repository }: Refusal,
): { readonly code: HubErrorCode; readonly hint: string } {
  switch (status) {
    case 401:
      return {
        code: 'hub-denied',
        hint:
          'a valid token is needed (without one a Hub also hides what does not exist); ' +
          `it is looked for in ${TOKEN_PLACES}`,
      };
    case 403:
      return { code: 'hub-denied', hint: deniedHint(reason, { said, repository }) };
    case 404:
      return { code: 'hub-missing', hint: missingHint(reason, repository) };
    case 409:
    case 412:
      return {
        code: 'hub-conflict',
        hint: 'somebody else changed the repository meanwhile; run again to go on from there',
      };
    case 413:
      return { code: 'hub-rejected', hint: 'too large for one request: send fewer files at once' };
    case 429:
      return {
        code: 'hub-unavailable',
        hint: 'the rate limit of this account is used up; run again later, or with fewer at once',
      };
    default:
      if (status === 408 || status >= 500) {
        return { code: 'hub-unavailable', hint: 'the Hub has trouble; run again later' };
      }
      return { code: 'hub-rejected', hint: 'the Hub does not accept this request as it is' };
  }
}

function deniedHint(reason: string | undefined, { said, repository }: Omit<Refusal, 'reason'>) {
  if (reason === 'DisabledRepo') return `${repository} was disabled on the Hub`;
  if (reason === 'GatedRepo' || /gated|restricted/i.test(said)) {
    return `${repository} is gated: ask for access on its page, with the token's account`;
  }
  return `the token may not do this on ${repository}: to write, a write token is needed`;
}

function missingHint(reason: string | undefined, repository: string): string {
  switch (reason) {
    case 'RepoNotFound':
      return `check the name ${repository}, and that the token may see it`;
    case 'RevisionNotFound':
      return 'the revision does not exist (any more): refresh the source, or name another';
    case 'EntryNotFound':
      return 'the file is not in the repository at this revision';
    default:
      return 'check the endpoint: this does not look like an answer of a Hub';
  }
}

/** A request that got no answer, or an answer that broke off or made no sense. */
export function brokenError(
  about: About,
  options: Pick<HubErrorOptions, 'status' | 'cause' | 'isTimeout'> & { readonly what: string },
): HubError {
  const { what, ...more } = options;
  return new HubError('hub-unavailable', {
    ...more,
    message: `${place(about)}: ${what}`,
    mayPass: true,
    hint: 'check the network and the endpoint; run again to go on',
  });
}

/** Bytes that are not those that were promised. */
export function integrityError(about: About, what: string, cause?: unknown): HubError {
  return new HubError('integrity', {
    message: `${place(about)}: ${what}`,
    cause,
    hint: 'what was read is not what was listed or recorded: nothing of it was used',
  });
}

/** A request or an answer that no other attempt would make better. */
export function rejectedError(about: About, what: string, hint: string): HubError {
  return new HubError('hub-rejected', { message: `${place(about)}: ${what}`, hint });
}

function place({ repository, doing }: About): string {
  return `${repository}: ${doing}`;
}

const BROKEN_FILE = new Set(['NotReadableError', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
const PERMANENT =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_INVALID_|UND_ERR_INVALID_ARG)/;
const NETWORK = /^(UND_ERR_|EAI_|HPE_|ENOTFOUND|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ERR_SSL|ERR_HTTP)/;

/** What an error thrown by `fetch` or by reading a body means; undefined when it is none. */
export function networkError(about: About, error: unknown): HubError | undefined {
  const codes = codesOf(error);
  if (codes.some((code) => BROKEN_FILE.has(code))) {
    return integrityError(about, 'a file changed while it was sent', error);
  }
  const permanent = codes.find((code) => PERMANENT.test(code));
  if (permanent !== undefined) {
    return rejectedError(about, `no connection: ${permanent}`, 'check the endpoint');
  }
  const known = codes.find((code) => NETWORK.test(code));
  if (known === undefined && !isFetchFailure(error)) return undefined;
  return brokenError(about, { what: `the connection failed (${known ?? 'no reason'})` });
}

function isFetchFailure(error: unknown): boolean {
  return error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message);
}

/** Codes and names along the chain of causes: undici puts the real one below `fetch failed`. */
function codesOf(error: unknown): readonly string[] {
  const found: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
    if ('code' in at && typeof at.code === 'string') found.push(at.code);
    found.push(at.name);
    at = at.cause;
  }
  return found;
}
