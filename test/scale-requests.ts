// What the requests that a Hub has answered were for, against what they were made for: one file or
// one group costs so many of each kind, whatever the size of the dataset.
import type { RequestCounts } from './scale-hub.ts';

const KINDS: Readonly<Record<string, readonly string[]>> = {
  resolver: ['resolve', 'raw'],
  commit: ['commit'],
  lfs: ['lfs-batch', 'lfs-verify', 'upload', 'upload-part', 'upload-complete'],
};

export function explainRequests(
  counts: RequestCounts,
  {
    sourceFiles,
    publishedFiles,
  }: { readonly sourceFiles: number; readonly publishedFiles: number },
): string {
  const entries = Object.entries(counts).map(([key, count]) => {
    const [route = '', side = '', status = ''] = key.split(' ');
    return { kind: kindOf(route), route, side, status, count };
  });
  const refused = entries.filter(({ status }) => status === '429');
  const lines = [`requests: ${sum(entries)}, of them 429: ${sum(refused)}`];
  for (const [side, files] of [
    ['source', sourceFiles],
    ['published', publishedFiles],
  ] as const) {
    const own = entries.filter((entry) => entry.side === side);
    const kinds = Map.groupBy(own, ({ kind }) => kind);
    for (const [kind, found] of kinds) {
      const routes = Map.groupBy(found, ({ route, status }) => `${route} ${status}`);
      const parts = [...routes].map(([name, each]) => `${name}: ${sum(each)}`).join(', ');
      const share = (sum(found) / files).toFixed(3);
      lines.push(
        `  ${side}, ${kind}: ${sum(found)}, ${share} for each of ${files} files (${parts})`,
      );
    }
  }
  return lines.join('\n');
}

function kindOf(route: string): string {
  for (const [kind, routes] of Object.entries(KINDS)) if (routes.includes(route)) return kind;
  return 'api';
}

function sum(entries: readonly { readonly count: number }[]): number {
  return entries.reduce((total, { count }) => total + count, 0);
}
