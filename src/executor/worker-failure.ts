// What it means for a target, or for a question, that its worker died or was out of time. The worker
// cannot write into the target's log any more, so it is done here.
import type { Failure } from '../trace.ts';
import type { Outcome, WorkOrder } from './executor.ts';
import { lastLinesOf, TargetLog } from './target-log.ts';
import type { WorkerEnd } from './worker-process.ts';

const LAST_LINES = 20;

export function deathOf(order: WorkOrder, end: WorkerEnd): Outcome {
  // What a task prints goes into its log; only the runtime's own last words come over the pipe.
  const said = lastLinesOf(order.log, LAST_LINES);
  return failed(order, deathFailure({ ...end, lastWords: `${said}\n${end.lastWords}`.trim() }));
}

export function timeoutOf(order: WorkOrder): Outcome {
  const seconds = (order.timeoutMs ?? 0) / 1000;
  return failed(order, {
    code: 'timeout',
    message: `It took longer than ${seconds} s`,
    hint: 'give the step a longer timeout',
    mayPass: true,
  });
}

export function deathFailure({ exitCode, signal, error, lastWords }: WorkerEnd): Failure {
  const how =
    error !== undefined
      ? `could not be started: ${error.message}`
      : signal !== null
        ? `was killed by ${signal}`
        : `ended with exit code ${exitCode}`;
  const detail = lastWords.split('\n').slice(-LAST_LINES).join('\n');
  const isMemory = signal === 'SIGKILL' || /out of memory|bad_alloc/i.test(lastWords);
  return {
    code: 'worker-died',
    message: `The worker process ${how}`,
    ...(detail === '' ? {} : { detail }),
    ...(isMemory
      ? {
          hint: 'if the system ran out of memory: let fewer targets run at once (-j, pools.memory)',
        }
      : {}),
    mayPass: true,
  };
}

function failed(order: WorkOrder, failure: Failure): Outcome {
  try {
    const log = new TargetLog(order);
    log.failure(failure);
    log.close();
    return { kind: 'failed', failure };
  } catch (error) {
    const detail = `${failure.detail ?? ''}\nno log: ${String(error)}`.trim();
    return { kind: 'failed', failure: { ...failure, detail } };
  }
}
