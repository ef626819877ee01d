// Where steps stand in the drawing.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GraphNode, layOutGraph } from '../src/report/graph-layout.ts';

const SIZE = { width: 10, height: 5, gapX: 4, gapY: 2 };

/** `b: a` lines: each node with what it needs. */
function nodes(...lines: readonly string[]): readonly GraphNode[] {
  return lines.map((line) => {
    const [id = '', needs = ''] = line.split(':');
    return { id, needs: needs.split(' ').filter((need) => need !== '') };
  });
}

function placeOf(id: string, graph: readonly GraphNode[]) {
  return layOutGraph(graph, SIZE).nodes.find((node) => node.id === id);
}

test('a chain goes to the right in one line', () => {
  const graph = nodes('a', 'b:a', 'c:b');
  expect(layOutGraph(graph, SIZE)).toMatchObject({ width: 38, height: 5 });
  expect(placeOf('c', graph)).toEqual({ id: 'c', x: 28, y: 0 });
});

test('edges do not cross where they need not', () => {
  const graph = nodes('a', 'b', 'x:b', 'y:a');
  const [a, b] = [placeOf('a', graph), placeOf('b', graph)];
  const [x, y] = [placeOf('x', graph), placeOf('y', graph)];
  expect((a?.y ?? 0) < (b?.y ?? 0)).toBe((y?.y ?? 0) < (x?.y ?? 0));
});

const graphs = fc
  .array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 15 })
  .map((lists) =>
    lists.map((list, index): GraphNode => {
      const needs = index === 0 ? [] : [...new Set(list.map((each) => `n${each % index}`))];
      return { id: `n${index}`, needs };
    }),
  );

test('no two nodes overlap, all lie within, and edges go to the right past every node', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { width, height, nodes: placed, edges } = layOutGraph(graph, SIZE);
      const taken = new Set(placed.map(({ x, y }) => `${x} ${y}`));
      expect(taken.size).toBe(graph.length);
      for (const { x, y } of placed) {
        expect(x + SIZE.width).toBeLessThanOrEqual(width);
        expect(y + SIZE.height).toBeLessThanOrEqual(height + 1e-9);
      }
      expect(edges).toHaveLength(graph.reduce((sum, { needs }) => sum + needs.length, 0));
      for (const { points } of edges) {
        const xs = points.map(({ x }) => x);
        expect(xs).toEqual([...xs].sort((a, b) => a - b));
        for (const { x, y } of points.slice(1, -1)) {
          const inside = placed.filter(
            (node) =>
              x >= node.x && x <= node.x + SIZE.width && y > node.y && y < node.y + SIZE.height,
          );
          expect(inside).toEqual([]);
        }
      }
    }),
  );
});
