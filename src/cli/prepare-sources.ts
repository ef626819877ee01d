// What must be known of Hubs before planning: the embedded one has its seed, and every Hub source
// has a recorded listing. Asks a Hub only when one of these is missing or was asked for.

import { posix } from 'node:path';
import type { Config, HubConfig, HubSourceConfig } from '../config/config.ts';
import type { Executor } from '../executor/executor.ts';
import { type Clock, type FileSystem, isoTime } from '../file-system.ts';
import { embeddedFolder, type HubConnections } from '../hub/connections.ts';
import {
  compareListings,
  isListingOf,
  listDataset,
  type RecordedListing,
  readListing,
  writeListing,
} from '../hub/listing.ts';
import { seedHub } from '../hub/seed.ts';
import { explainCounted } from '../reporter/quantity.ts';
import type { Hub } from '../task.ts';
import { UsageError } from './usage-error.ts';

export interface PrepareContext {
  readonly config: Config;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly connections: HubConnections;
  readonly executor: () => Promise<Executor>;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
  /** List anew even what is recorded. */
  readonly refresh: boolean;
}

export async function prepareSources(context: PrepareContext): Promise<void> {
  await giveEmbeddedIdentity(context);
  const isSeedNew = (await seedEmbedded(context)) === 'sent';
  for (const source of context.config.sources) {
    if (source.kind !== 'hub') continue;
    const isOwnSeed = isSeedNew && source.hub.endpoint === undefined;
    await prepareListing(source, { ...context, refresh: context.refresh || isOwnSeed });
  }
}

/** What is published is recorded with its Hub's identity, which an embedded one gets at its birth. */
async function giveEmbeddedIdentity({ config, connections }: PrepareContext): Promise<void> {
  const hubs = [config.hub, ...config.steps.map(({ hub }) => hub)];
  const embedded = hubs.find((hub) => hub !== undefined && hub.endpoint === undefined);
  if (embedded !== undefined && connections.isUnborn(embedded)) await connections.connect(embedded);
}

/** The recorded listing of a source, if it is one of what the source says now. */
export function recordedListing(
  source: HubSourceConfig,
  { config, fs, connections }: Pick<PrepareContext, 'config' | 'fs' | 'connections'>,
): RecordedListing | undefined {
  const state = posix.join(config.work, 'state');
  const listing = readListing(fs, { state, source: source.name });
  const hubId = connections.idOf(source.hub);
  return listing !== undefined && isListingOf(listing, { source, hubId }) ? listing : undefined;
}

export async function openHub(
  hub: HubConfig,
  { connections, signal }: Pick<PrepareContext, 'connections' | 'signal'>,
): Promise<Hub> {
  const address = await connections.connect(hub);
  const { createHub } = await import('../hub/client/hub.ts');
  return createHub({ ...address, signal });
}

async function seedEmbedded(context: PrepareContext): Promise<'same' | 'sent' | undefined> {
  const { config, fs, executor, note } = context;
  const { hub } = config;
  if (hub?.seed === undefined) return undefined;
  const { dataset, folder, files } = hub.seed;
  const result = await seedHub(hub.seed, {
    fs,
    folder: embeddedFolder(config.work),
    hub: () => openHub(hub, context),
    digest: async (path) => {
      const answer = await (await executor()).ask({ kind: 'digest', path });
      if (answer.kind === 'digest') return answer.sha256;
      throw new UsageError(`error: ${path} of the embedded Hub's seed cannot be read`);
    },
  });
  if (result === undefined) {
    throw new UsageError(
      `error: the embedded Hub's seed has no files: nothing matches ${files} in ${folder}\n` +
        '  check the folder, or the variable it comes from (`--set NAME=FOLDER`)',
    );
  }
  if (result === 'sent') note(`The embedded Hub now has the dataset ${dataset}`);
  return result;
}

async function prepareListing(source: HubSourceConfig, context: PrepareContext): Promise<void> {
  const { config, fs, clock, note, refresh } = context;
  const before = recordedListing(source, context);
  if (before !== undefined && !refresh) return;
  const hub = await openHub(source.hub, context);
  const listing = await listDataset(hub, { source, at: isoTime(clock) });
  if (listing === undefined) {
    throw new UsageError(
      `error: source "${source.name}": there is no dataset ${source.dataset} with revision ` +
        `${source.revision} on ${source.hub.endpoint ?? 'the embedded Hub'}\n` +
        '  check the name; a private dataset needs a token (HF_TOKEN, or a login)',
    );
  }
  writeListing(fs, { state: posix.join(config.work, 'state'), source: source.name, listing });
  note(describeListing(source, { before, listing }));
}

function describeListing(
  source: HubSourceConfig,
  { before, listing }: { before: RecordedListing | undefined; listing: RecordedListing },
): string {
  const head = `${source.dataset} at ${listing.commit.slice(0, 12)}: ${explainCounted(listing.files.length, 'file')}`;
  if (before === undefined) return head;
  const { added, changed, removed } = compareListings(before, listing);
  if (added.length + changed.length + removed.length === 0) return `${head}, nothing is different`;
  const lines = [
    ...added.map((path) => `  added ${path}`),
    ...changed.map((path) => `  changed ${path}`),
    ...removed.map((path) => `  removed ${path} (what was made of it stays)`),
  ];
  const shown = lines.slice(0, 20);
  const more = lines.length - shown.length;
  return [head, ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])].join('\n');
}
