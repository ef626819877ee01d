// A thread that parses pieces for a task: runs the task's own `parse` on each and sends back what it
// appended, as blocks that go into the row log as they are.
import { parentPort, workerData } from 'node:worker_threads';
import { freeBytes } from '../free-bytes.ts';
import type { PieceRows } from '../task.ts';
import type { PieceAnswer, PieceOrder, ThreadData } from './parse-protocol.ts';
import { RowBuffer } from './row-block.ts';
import { failureOf, targetError } from './target-error.ts';
import { loadPlannedTask } from './task-module.ts';
import { rejectRow } from './task-tables.ts';

const { rule, tables, ...given }: ThreadData = workerData;
const { task } = await loadPlannedTask(rule);
const buffer = new RowBuffer(tables);
const indexes = new Map(tables.map(({ name }, index) => [name, index]));

const rows: PieceRows = {
  ...given,
  append(output, row) {
    const index = indexes.get(output);
    if (index === undefined || index === tables.length - 1) {
      throw targetError('task-error', `There is no table "${output}" to append to`, {
        hint: `outputs with a contract: ${[...indexes.keys()].slice(0, -1).join(', ')}`,
      });
    }
    buffer.add(index, row);
  },
  reject(reject) {
    buffer.add(tables.length - 1, rejectRow(reject));
  },
};

parentPort?.on('message', (piece: PieceOrder) => {
  const answer = parsed(piece);
  const handedOver = answer.kind === 'parsed' ? answer.blocks.map(({ bytes }) => bytes.buffer) : [];
  parentPort?.postMessage(answer, handedOver);
});

function parsed(piece: PieceOrder): PieceAnswer {
  try {
    if (task.parse === undefined) {
      throw targetError('task-error', 'The task calls context.parse and has no parse', {
        hint: 'add "parse(piece, rows) {..}" beside run',
      });
    }
    const found = task.parse(piece, rows);
    freeBytes(piece.bytes);
    return { kind: 'parsed', blocks: buffer.take(), found };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error, 'task-error') };
  }
}
