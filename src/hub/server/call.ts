// What a route gets to answer one request: the parts of the Hub, the request, and what was already
// found for it (the repo, the revision). Looking those up is the service's, not the route's.
import type { IncomingMessage } from 'node:http';
import type { ContentStore } from './content-store.ts';
import type { LinkSigner } from './link-signer.ts';
import type { Repositories } from './repositories.ts';
import type { Repository } from './repository.ts';
import type { RouteMatch } from './route.ts';
import type { UploadTable } from './upload-table.ts';

export interface Hub {
  /** Of the folder; the same wherever it is served. */
  readonly id: string;
  readonly contents: ContentStore;
  readonly repositories: Repositories;
  readonly uploads: UploadTable;
  /** Entries of a listing in one answer. */
  readonly pageSize: number;
  readonly signer: LinkSigner;
  /** Where large files are downloaded from; undefined when the Hub itself sends them. */
  readonly cdnOrigin: string | undefined;
}

export interface Call {
  readonly hub: Hub;
  readonly request: IncomingMessage;
  readonly match: RouteMatch;
  readonly query: URLSearchParams;
  /** As the client calls this server: `http://127.0.0.1:4000`. */
  readonly origin: string;
}

export interface RepoCall extends Call {
  readonly repository: Repository;
}

export interface RevisionCall extends RepoCall {
  /** The commit that the revision means now. */
  readonly commit: string;
}
