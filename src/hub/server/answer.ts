// What a request is answered, as a value: routes make it, faults may change it, `send.ts` writes
// it. Errors have the shape that Hub clients read: JSON with `error`, and `X-Error-Code` to tell a
// missing file from a missing revision or repo.

export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A part of a file on the disk, streamed. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly start: number;
      readonly length: number;
    };

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers, body: { kind: 'json', value } };
}

export function emptyAnswer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: { kind: 'none' } };
}

export type ErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound';

export function errorAnswer(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'X-Error-Message': headerText(message), ...headers },
    body: { kind: 'json', value: { error: message } },
  };
}

export function badRequest(message: string): Answer {
  return errorAnswer(400, message);
}

export function notFound(
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return errorAnswer(404, message, { 'X-Error-Code': code, ...headers });
}

/** Header values are latin1 without control characters; names of files are anything. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
