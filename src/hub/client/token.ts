// Where the access token comes from (the environment, else the file that a login left), and how it
// is kept out of texts. It is read here and nowhere else; no message ever holds it or a part of it.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HubError } from './error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The token of a variable (HF_TOKEN unless another is named), else that of the login's file
 * (HF_TOKEN_PATH, else `token` in HF_HOME); undefined when there is none. Rejects with a HubError
 * `hub-denied` for a token that the client library would refuse or a file that cannot be read.
 */
export async function findToken(
  env: Environment,
  options: { readonly tokenEnv?: string | undefined } = {},
): Promise<string | undefined> {
  const name = options.tokenEnv ?? 'HF_TOKEN';
  const given = env[name]?.trim();
  if (given !== undefined && given !== '') return checkedToken(given, name);
  const path = loginFile(env);
  const saved = (await readToken(path))?.trim();
  if (saved === undefined || saved === '') return undefined;
  return checkedToken(saved, path);
}

/** The token itself, or a HubError that says where the bad one was found. */
export function checkedToken(token: string, place: string): string {
  // Other characters would make `fetch` throw an error that quotes the whole header.
  if (/^hf_[\x21-\x7e]+$/.test(token)) return token;
  throw new HubError('hub-denied', {
    message: `The token in ${place} is not one of a Hub: it must start with "hf_".`,
    hint: `put an access token of the Hub into ${place}, or empty it to go on without one`,
  });
}

function loginFile(env: Environment): string {
  const named = filled(env['HF_TOKEN_PATH']);
  if (named !== undefined) return named;
  const cache = filled(env['XDG_CACHE_HOME']) ?? join(filled(env['HOME']) ?? homedir(), '.cache');
  return join(filled(env['HF_HOME']) ?? join(cache, 'huggingface'), 'token');
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

async function readToken(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new HubError('hub-denied', {
      message: `The token file ${path} cannot be read (${String(code)}).`,
      hint: 'make the file readable, or set HF_TOKEN',
    });
  }
}

/** The text without the given tokens, without what looks like one and without queries of URLs. */
export function redact(text: string, tokens: readonly (string | undefined)[]): string {
  let clean = text;
  for (const token of tokens) {
    if (token !== undefined && token !== '') clean = clean.replaceAll(token, '[token]');
  }
  return clean
    .replace(/\bhf_[A-Za-z0-9]{20,}/g, '[token]')
    .replace(/\bBearer\s+[^\s"',]+/gi, 'Bearer [token]')
    .replace(/(https?:\/\/[^\s"'<>?]+)\?[^\s"'<>]*/g, '$1?[..]');
}
