// The requests of an upload as they are on the wire, for tests that need them one by one.
import { expect } from 'vitest';
import { type HubRig, post, sha256, startHub } from './hub-rig.ts';

/** Of the repo that `withRepo` makes. */
export const api = '/api/datasets/local/things';

export async function withRepo(options: Parameters<typeof startHub>[0] = {}): Promise<HubRig> {
  const hub = await startHub(options);
  const repo = { name: 'things', organization: 'local', type: 'dataset', private: true };
  expect((await hub.call('/api/repos/create', post(repo))).status).toBe(200);
  return hub;
}

export interface BatchObject {
  readonly oid: string;
  readonly actions?: {
    readonly upload: { readonly href: string; readonly header?: Readonly<Record<string, string>> };
    readonly verify: { readonly href: string };
  };
}

export async function announce(
  hub: HubRig,
  contents: readonly Uint8Array[],
  transfers = ['basic'],
) {
  const objects = contents.map((bytes) => ({ oid: sha256(bytes), size: bytes.length }));
  const body = { operation: 'upload', transfers, hash_algo: 'sha256', objects };
  const response = await hub.call('/datasets/local/things.git/info/lfs/objects/batch', post(body));
  const answer: { transfer: string; objects: BatchObject[] } = JSON.parse(await response.text());
  return answer;
}

export async function upload(hub: HubRig, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { objects } = await announce(hub, [bytes]);
  const [object] = objects;
  const sent = await fetch(object?.actions?.upload.href ?? '', { method: 'PUT', body: bytes });
  expect(sent.status).toBe(200);
  const verify = new URL(object?.actions?.verify.href ?? '').pathname;
  const verified = await hub.call(verify, post({ oid: object?.oid, size: bytes.length }));
  expect(verified.status).toBe(200);
}

export function lfsFile(path: string, bytes: Uint8Array): readonly [string, object] {
  return ['lfsFile', { path, algo: 'sha256', oid: sha256(bytes), size: bytes.length }];
}

export async function commitTo(hub: HubRig, init: RequestInit): Promise<string> {
  const response = await hub.call(`${api}/commit/main`, init);
  const answer: { commitOid: string } = JSON.parse(await response.text());
  expect(response.status).toBe(200);
  return answer.commitOid;
}
