// The client library, loaded when the first call needs it: a worker that only downloads never
// pays for it. What it throws of its own is put into a HubError here.
import { type About, HubError, networkError, rejectedError } from './error.ts';
import { redact } from './token.ts';

export type Library = typeof import('@huggingface/hub');

export function loadLibrary(): Promise<Library> {
  return import('@huggingface/hub');
}

/** What the library rejected with (sometimes a mere text) as a HubError. */
export function understood(error: unknown, { about }: { readonly about: About }): HubError {
  if (error instanceof HubError) return error;
  const network = networkError(about, error);
  if (network !== undefined) return network;
  const text = error instanceof Error ? error.message : String(error);
  const what = `the answer could not be used: ${redact(text, []).split('\n')[0] ?? ''}`;
  return rejectedError(about, what, 'check that the endpoint is a Hub of a version that fits');
}
