// Writes for a publishing target how everything upstream of it was made, as a text that it may
// publish. Target by target and piece by piece: there may be a hundred thousand of them.
import { posix } from 'node:path';
import type { FileSystem } from '../file-system.ts';
import { forEachProducer, type Graph } from '../plan/graph.ts';
import { type TargetId, targetName } from '../plan/plan.ts';
import { provenanceLine } from '../provenance.ts';
import type { TargetState } from '../store/journal-state.ts';

/** Characters that are written at once. */
const PIECE_LENGTH = 1_000_000;

export function writeProvenance(
  id: TargetId,
  {
    graph,
    fs,
    stateOf,
    path,
  }: {
    readonly graph: Graph;
    readonly fs: FileSystem;
    readonly stateOf: (id: TargetId) => TargetState | undefined;
    /** Absolute; the file does not exist yet. */
    readonly path: string;
  },
): void {
  fs.makeFolder(posix.dirname(path));
  let piece = '';
  for (const target of upstreamOf(graph, id)) {
    const trace = stateOf(target)?.trace;
    if (trace !== undefined) piece += provenanceLine(targetName(graph.plan, target), trace);
    if (piece.length < PIECE_LENGTH) continue;
    fs.append(path, piece);
    piece = '';
  }
  fs.append(path, piece);
}

/** All that a target is made from, directly or not, in order of dependencies. */
export function upstreamOf(graph: Graph, id: TargetId): readonly TargetId[] {
  const seen = new Set<TargetId>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    forEachProducer(graph, next, (producer) => {
      if (seen.has(producer)) return;
      seen.add(producer);
      open.push(producer);
    });
  }
  // A step comes behind all that it needs, and its targets have higher ids than theirs.
  return [...seen].sort((a, b) => a - b);
}
