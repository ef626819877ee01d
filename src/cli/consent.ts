// Asks whether a run may begin that downloads or uploads much once more. Ctrl-C and anything but a
// yes leave everything as it is; without a terminal only `--yes` says it.
import type { Confirmation } from '../event.ts';
import type { Graph } from '../plan/graph.ts';
import { explainBytes, explainCount } from '../reporter/quantity.ts';
import type { ReporterKind } from '../reporter/reporter.ts';
import type { RepeatedCosts } from '../run/consent.ts';
import { askYes, isTerminal } from './ask-yes.ts';
import { countTargets, timeOf, transferLines } from './estimate-text.ts';
import { reasonLines } from './reason-lines.ts';

export interface ConsentOptions {
  readonly graph: Graph;
  /** `--yes` was given. */
  readonly isYes: boolean;
  readonly reporter: ReporterKind;
}

/** Undefined when nobody answered because it was called off. */
export async function askConsent(
  costs: RepeatedCosts,
  { graph, isYes, reporter }: ConsentOptions,
): Promise<Confirmation['answer'] | undefined> {
  const { stdout, stderr } = process;
  const isForPeople = reporter === 'live' || reporter === 'plain';
  const text = explainCosts(costs, graph);
  if (isYes) {
    if (isForPeople) stdout.write(text);
    return 'assumed';
  }
  if (isForPeople && isTerminal()) {
    stdout.write(text);
    const answer = await askYes('Go on?', costs.signal);
    if (answer === 'no') stdout.write('Nothing was begun, everything is as it was.\n');
    return answer === 'nobody' ? 'needed' : answer;
  }
  stderr.write(
    'error: A decision is needed, and there is no terminal to ask on. [confirmation-needed]\n' +
      `${text}  allow it with --yes, name fewer targets, or look closer with -n; nothing was begun\n`,
  );
  return 'needed';
}

function explainCosts({ assessment, estimate }: RepeatedCosts, graph: Graph): string {
  const { transfers, steps } = estimate;
  const limit = explainBytes(graph.plan.config.confirmAboveBytes);
  const again = transfers.again.download.bytes + transfers.again.upload.bytes;
  const would = steps.reduce((sum, step) => sum + step.would.targets, 0);
  const may = countTargets(steps) - would;
  const lines = [
    `This would download or upload ${explainBytes(again)} again, more than ${limit} (confirm_above):`,
    ...transferLines(transfers).map((line) => `  ${line}`),
    `  targets: ${explainCount(would)} would run, ${explainCount(may)} more may`,
    `  time: ${timeOf(estimate)}`,
    ...reasonLines({ graph, assessment }).map((line) => `  because ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** The answer as an event tells it. */
export function confirmationOf(
  { estimate }: RepeatedCosts,
  decision: Pick<Confirmation, 'answer' | 'limitBytes'>,
): Confirmation {
  const { again } = estimate.transfers;
  return {
    ...decision,
    downloadAgainBytes: Math.round(again.download.bytes),
    uploadAgainBytes: Math.round(again.upload.bytes),
    targets: countTargets(estimate.steps),
    durationMs: Math.round(estimate.mayTakeMs),
    unknownTargets: estimate.unknownTargets,
  };
}
