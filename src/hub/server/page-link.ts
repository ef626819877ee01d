// The link to the next page of a listing. Clients follow it as it is and understand only absolute
// URLs. It names the commit instead of the branch: all pages show the same moment.
import type { RevisionCall } from './call.ts';

export function linkHeader(
  { request, origin, match, query }: RevisionCall,
  { revision, cursor }: { readonly revision: string; readonly cursor: string },
): Readonly<Record<string, string>> {
  const [path = ''] = (request.url ?? '').split('?');
  const segments = path.split('/');
  // /api/{types}/{namespace}/{name}/{tree or commits}/{revision}[/{path}]
  const named = match.revision === undefined ? segments : segments.with(6, revision);
  const next = new URLSearchParams(query);
  next.set('cursor', cursor);
  return { Link: `<${origin}${named.join('/')}?${next}>; rel="next"` };
}
