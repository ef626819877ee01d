// Where the steps stand when their graph is drawn from left to right: in layers by their longest way
// from a source, ordered so that few edges cross. Pure; units are those of the drawing.

export interface GraphNode {
  readonly id: string;
  /** Ids of nodes that it needs; all come before it in the list. */
  readonly needs: readonly string[];
}

export interface PlacedNode {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  /** From the right side of one to the left side of the other, through the gaps between. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

export interface NodeSize {
  readonly width: number;
  readonly height: number;
  readonly gapX: number;
  readonly gapY: number;
}

/** What has a place of its own: a node, or the point where a long edge passes a layer. */
interface Slot {
  readonly id: string;
  readonly before: readonly string[];
}

const SWEEPS = 6;

export function layOutGraph(nodes: readonly GraphNode[], size: NodeSize): GraphLayout {
  const layerOf = layersOf(nodes);
  const { layers, chains } = slotsOf(nodes, layerOf);
  orderLayers(layers);
  const tallest = Math.max(1, ...layers.map((layer) => layer.length));
  const row = size.height + size.gapY;
  const place = new Map<string, { x: number; y: number }>();
  for (const [index, layer] of layers.entries()) {
    const top = ((tallest - layer.length) * row) / 2;
    for (const [at, { id }] of layer.entries()) {
      place.set(id, { x: index * (size.width + size.gapX), y: top + at * row });
    }
  }
  const at = (id: string) => place.get(id) ?? { x: 0, y: 0 };
  return {
    width: Math.max(1, layers.length) * (size.width + size.gapX) - size.gapX,
    height: tallest * row - size.gapY,
    nodes: nodes.map(({ id }) => ({ id, ...at(id) })),
    edges: chains.map(({ from, to, through }) => {
      const middle = size.height / 2;
      const start = { x: at(from).x + size.width, y: at(from).y + middle };
      const end = { x: at(to).x, y: at(to).y + middle };
      const between = through.flatMap((id) => {
        const { x, y } = at(id);
        return [
          { x, y: y + middle },
          { x: x + size.width, y: y + middle },
        ];
      });
      return { from, to, points: [start, ...between, end] };
    }),
  };
}

function layersOf(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const layerOf = new Map<string, number>();
  for (const { id, needs } of nodes) {
    layerOf.set(id, Math.max(-1, ...needs.map((need) => layerOf.get(need) ?? -1)) + 1);
  }
  return layerOf;
}

interface Chain {
  readonly from: string;
  readonly to: string;
  readonly through: readonly string[];
}

function slotsOf(nodes: readonly GraphNode[], layerOf: ReadonlyMap<string, number>) {
  const layers: Slot[][] = [];
  const chains: Chain[] = [];
  const put = (layer: number, slot: Slot) => {
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(slot);
  };
  for (const { id, needs } of nodes) {
    const layer = layerOf.get(id) ?? 0;
    const before: string[] = [];
    for (const need of needs) {
      const through: string[] = [];
      for (let passed = (layerOf.get(need) ?? 0) + 1; passed < layer; passed += 1) {
        const slot = `${need} > ${id} ${passed}`;
        put(passed, { id: slot, before: [through.at(-1) ?? need] });
        through.push(slot);
      }
      chains.push({ from: need, to: id, through });
      before.push(through.at(-1) ?? need);
    }
    put(layer, { id, before });
  }
  return { layers, chains };
}

/** Each goes to the mean place of what it hangs on, forward and back. */
function orderLayers(layers: Slot[][]): void {
  const after = new Map<string, string[]>();
  for (const { id, before } of layers.flat()) {
    for (const need of before) after.set(need, [...(after.get(need) ?? []), id]);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForward = sweep % 2 === 0;
    const order = isForward ? [...layers.keys()] : [...layers.keys()].reverse();
    for (const index of order) {
      const layer = layers[index] ?? [];
      const beside = layers[isForward ? index - 1 : index + 1] ?? [];
      const places = new Map(beside.map(({ id }, place) => [id, place - (beside.length - 1) / 2]));
      const mean = new Map(
        layer.map(({ id, before }, place) => {
          const hung = (isForward ? before : (after.get(id) ?? [])).flatMap(
            (other) => places.get(other) ?? [],
          );
          const own = place - (layer.length - 1) / 2;
          const sum = hung.reduce((total, each) => total + each, 0);
          return [id, hung.length === 0 ? own : sum / hung.length];
        }),
      );
      layer.sort((a, b) => (mean.get(a.id) ?? 0) - (mean.get(b.id) ?? 0));
    }
  }
}
