// `pipeline hub serve` and `pipeline hub ls`: serves the embedded Hub's folder for any client, and
// shows what is in it.
import { posix } from 'node:path';
import { embeddedFolder } from '../hub/connections.ts';
import { explainBytes } from '../reporter/quantity.ts';
import { EXIT } from './exit-code.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openProject } from './project.ts';
import { layOutTable } from './table.ts';
import { UsageError } from './usage-error.ts';

export async function hubListCommand(raw: RawOptions & { json?: boolean }): Promise<number> {
  const folder = embeddedFolder(openProject(projectOptions(raw)).config.work);
  const { describeHub } = await import('../hub/server/describe-hub.ts');
  const description = await describeHub(folder);
  if (raw.json === true) {
    const { repos = [], ...hub } = description ?? {};
    const rows = repos.map((repo) => ({ ...repo, branches: Object.fromEntries(repo.branches) }));
    process.stdout.write(`${JSON.stringify({ ...hub, repos: rows })}\n`);
    return EXIT.ok;
  }
  if (description === undefined || description.repos.length === 0) {
    process.stdout.write('The embedded Hub has no repositories yet.\n');
    return EXIT.ok;
  }
  const rows = description.repos.map((repo) => [
    repo.name,
    String(repo.files),
    explainBytes(repo.bytes),
    String(repo.commits),
    repo.head.slice(0, 12),
  ]);
  const lines = layOutTable([['repository', 'files', 'bytes', 'commits', 'head'], ...rows]);
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.ok;
}

/** What keeps a server from starting is the user's to change; anything else stays a throw. */
function explainServeError(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return `${error.message}\n  choose another port, or leave --port out for a free one`;
  }
  if (code === 'ERR_SOCKET_BAD_PORT') return `${error.message}\n  a port is a number up to 65535`;
  if (error.name === 'HubFolderInUse' || 'owner' in error) {
    return `${error.message}\n  use that server, or end it first`;
  }
  throw error;
}

/** Serves until Ctrl-C. */
export async function hubServeCommand(raw: RawOptions & { port?: number }): Promise<number> {
  const folder = embeddedFolder(openProject(projectOptions(raw)).config.work);
  const { startEmbeddedHub } = await import('../hub/server/embedded-hub.ts');
  const hub = await startEmbeddedHub({ folder, port: raw.port ?? 0 }).catch((error: unknown) => {
    throw new UsageError(`error: ${explainServeError(error)}`);
  });
  process.stdout.write(
    `Serving ${folder} at ${hub.url}\n` +
      `  export HF_ENDPOINT=${hub.url} HF_TOKEN="$(cat ${posix.join(folder, 'token')})" HF_HUB_DISABLE_XET=1\n` +
      '  Ctrl-C ends it.\n',
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve());
    }
  });
  await hub.close();
  return EXIT.ok;
}
