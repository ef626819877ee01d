// Reads what a step does beyond its own files: the dataset that it writes to, and the steps whose
// files it frees.

import { didYouMean } from '../suggestion.ts';
import type { Cell, PublishConfig, ReleaseRuleConfig } from './config.ts';
import { type Entry, entryOf, type Node, textOf } from './document.ts';
import { isDatasetName } from './hub.ts';
import { readTemplate, readTemplateValue, type Scope } from './scope.ts';
import type { Site } from './site.ts';
import { expandTemplate } from './template.ts';

interface PublishSurroundings {
  readonly site: Site;
  readonly step: string;
  readonly cells: readonly Cell[];
  /** Variables of the pipeline and of the matrix cell. */
  readonly scope: Scope;
  /** Whether the step has a Hub, its own or the pipeline's. */
  readonly hasHub: boolean;
}

/** Undefined without `publish`, or after a mistake. */
export function readPublish(
  stepNode: Node,
  { site, step, cells, scope, hasHub }: PublishSurroundings,
): PublishConfig | undefined {
  const entry = entryOf(stepNode, 'publish');
  const text = textOf(entryOf(entry?.value, 'dataset')?.value);
  if (entry === undefined || text === undefined) return undefined;
  const { report } = site;
  if (!hasHub) {
    const message = `Step "${step}" publishes a dataset, but the pipeline names no Hub.`;
    const hint = 'add "hub: {endpoint: https://huggingface.co}" at the top';
    report({ code: 'missing-key', severity: 'error', message, at: entry.at, hint });
  }
  const dataset = readTemplate(text, { scope, report });
  if (dataset === undefined) return undefined;
  for (const cell of scope.isComplete ? cells : []) {
    const name = expandTemplate(dataset, (variable) => cell.variables[variable] ?? '');
    if (isDatasetName(name)) continue;
    const message = `Step "${step}" publishes "${name}", which is not the name of a dataset.`;
    report({
      code: 'wrong-value',
      severity: 'error',
      message,
      at: text.at,
      hint: 'write owner/name',
    });
    return undefined;
  }
  const expected = entryOf(entry.value, 'expected_values')?.value;
  const expectedValues =
    expected === undefined ? undefined : readTemplateValue(expected, { scope, report });
  return { dataset, expectedValues };
}

/** Undefined without `release`, or after a mistake. */
export function readRelease(
  stepNode: Node,
  { site, step, steps }: { site: Site; step: string; steps: ReadonlyMap<string, Entry> },
): ReleaseRuleConfig | undefined {
  const node = entryOf(stepNode, 'release')?.value;
  if (node === undefined) return undefined;
  const items = node.kind === 'list' ? node.items : [node];
  const names: string[] = [];
  for (const item of items) {
    const text = textOf(item);
    if (text === undefined) continue;
    if (steps.has(text.value) && text.value !== step) {
      names.push(text.value);
      continue;
    }
    const others = [...steps.keys()].filter((other) => other !== step);
    const message = `Step "${step}" releases "${text.value}", which is no other step.`;
    const hint = didYouMean(text.value, others) ?? `steps: ${others.join(', ')}`;
    site.report({ code: 'unknown-step', severity: 'error', message, at: text.at, hint });
  }
  for (const key of ['outputs', 'with', 'inputs']) {
    const misplaced = entryOf(stepNode, key);
    if (misplaced === undefined) continue;
    const message = `Step "${step}" releases files and makes none, but has "${key}".`;
    site.report({ code: 'wrong-value', severity: 'error', message, at: misplaced.at });
  }
  return { kind: 'release', steps: names };
}
