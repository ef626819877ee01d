// The folder of an embedded Hub: its layout, its identity, its token, and who serves it now.
//
//   hub.json            format, id            lfs/aa/bb/<sha256>     contents of large files
//   token               mode 600              blobs/aa/<git sha1>    contents of regular files
//   @lock, server.json  who serves it, where  tmp/                   emptied at every start
//   repos/<type>s/<namespace>/<name>/         repo.json refs/ commits/ snapshots/
//
// One server at a time, by the same lock as a work folder's. `server.json` is only an address: it
// counts as long as the lock's owner is the process that wrote it, and lives.
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import type { FileSystem } from '../../file-system.ts';
import { nodeFileSystem, systemClock } from '../../node-file-system.ts';
import { acquireLock, type LockOwner, observeOwner } from '../../store/lock.ts';
import { systemProcesses } from '../../store/processes.ts';
import { writeDurably } from './durable.ts';
import { fieldsOf, parseJson, textOf } from './json-fields.ts';

const FORMAT = 1;
const TOKEN_PREFIX = 'hf_';

export interface HubIdentity {
  /** Random, made with the folder, and the same for ever: what a remote artifact is recorded with. */
  readonly id: string;
  /** Begins with `hf_`, without which clients refuse to send it. */
  readonly token: string;
}

/** Where a running server is reached. */
export interface HubAddress extends HubIdentity {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** Another process serves the folder, or holds it without an answer yet. */
export class HubFolderInUse extends Error {
  readonly owner: LockOwner;

  constructor(folder: string, owner: LockOwner) {
    const { pid, host, at } = owner;
    super(`The Hub folder ${folder} is served by pid ${pid} on ${host} since ${at}`);
    this.owner = owner;
  }
}

export interface HeldFolder {
  readonly identity: HubIdentity;
  readonly temporaryFolder: string;
  /** Lets other processes find the server. */
  announce(url: string): void;
  release(): void;
}

/**
 * Makes the folder if missing. Throws `HubFolderInUse` when a live process has it, and an error
 * when it is of a newer version, damaged, or something else than the folder of a Hub.
 */
export async function holdFolder(folder: string): Promise<HeldFolder> {
  const result = await acquireLock({
    fs: nodeFileSystem,
    clock: systemClock,
    processes: systemProcesses(),
    folder,
    command: 'embedded hub',
  });
  if (result.kind === 'refused') throw new HubFolderInUse(folder, result.owner);
  const { lock } = result;
  try {
    const temporaryFolder = `${folder}/tmp`;
    const known = readIdentity(folder);
    if (known === undefined) refuseForeign(folder);
    await rm(serverPath(folder), { force: true });
    await rm(temporaryFolder, { recursive: true, force: true });
    await mkdir(temporaryFolder);
    const identity = known ?? (await makeIdentity(folder, temporaryFolder));
    return {
      identity,
      temporaryFolder,
      announce(url) {
        const { pid, started } = lock.owner;
        nodeFileSystem.replace(serverPath(folder), `${JSON.stringify({ url, pid, started })}\n`);
      },
      release() {
        nodeFileSystem.remove(serverPath(folder));
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Undefined when no live server has the folder; changes nothing. */
export function findServer(folder: string): HubAddress | undefined {
  const server = fieldsOf(readJsonFile(serverPath(folder), nodeFileSystem));
  const url = textOf(server['url']);
  const identity = url === undefined ? undefined : readIdentity(folder);
  if (url === undefined || identity === undefined) return undefined;
  const owner = observeOwner({ fs: nodeFileSystem, processes: systemProcesses(), folder });
  const isOurs = owner?.pid === server['pid'] && owner?.started === server['started'];
  return isOurs ? { ...identity, url } : undefined;
}

/** Undefined when the folder holds no Hub yet; throws when it is of a newer format or damaged. */
export function readIdentity(
  folder: string,
  fs: FileSystem = nodeFileSystem,
): HubIdentity | undefined {
  const hub = readJsonFile(`${folder}/hub.json`, fs);
  if (hub === undefined) return undefined;
  const { format, id } = fieldsOf(hub);
  if (format !== FORMAT) throw new Error(`${folder} was written by a newer version of Eider`);
  const token = readText(`${folder}/token`, fs)?.trim();
  if (typeof id !== 'string' || token?.startsWith(TOKEN_PREFIX) !== true) {
    throw new Error(`${folder}/hub.json or ${folder}/token is damaged`);
  }
  return { id, token };
}

/** What a start that was interrupted leaves behind. */
const BEGUN = /^(@lock.*|token|tmp)$/;

/** Nothing of a folder that is somebody else's may be emptied or mixed with ours. */
function refuseForeign(folder: string): void {
  const foreign = (nodeFileSystem.list(folder) ?? []).find((name) => !BEGUN.test(name));
  if (foreign === undefined) return;
  throw new Error(`${folder} is not the folder of a Hub and not empty: it has ${foreign}`);
}

/** The token first: a folder with `hub.json` is complete. */
async function makeIdentity(folder: string, temporaryFolder: string): Promise<HubIdentity> {
  const id = randomBytes(12).toString('hex');
  // 34 letters and digits, as the Hub's own.
  const token = `${TOKEN_PREFIX}${randomBytes(17).toString('hex')}`;
  const content = `${token}\n`;
  await writeDurably({ path: `${folder}/token`, content, temporaryFolder, mode: 0o600 });
  const hub = `${JSON.stringify({ format: FORMAT, id })}\n`;
  await writeDurably({ path: `${folder}/hub.json`, content: hub, temporaryFolder });
  return { id, token };
}

function serverPath(folder: string): string {
  return `${folder}/server.json`;
}

function readJsonFile(path: string, fs: FileSystem): unknown {
  const text = readText(path, fs);
  return text === undefined ? undefined : (parseJson(text) ?? {});
}

function readText(path: string, fs: FileSystem): string | undefined {
  const content = fs.read(path);
  return content === undefined ? undefined : Buffer.from(content).toString();
}
