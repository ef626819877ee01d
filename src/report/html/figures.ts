// Numbers as cells of tables, and states as marks that are told apart without colour.
import { explainBytes, explainCount, explainDuration } from '../../reporter/quantity.ts';
import type { Counts, StepData } from '../report.ts';
import { type ShownState, STATES } from '../shown-state.ts';
import type { Cell } from './data-table.ts';
import { html, type Markup } from './markup.ts';

const NOTHING: Cell = { show: html`<span class="none">–</span>`, value: -1 };

/** A dash for what is not known or does not apply. */
export function countCell(count: number | undefined): Cell {
  return count === undefined ? NOTHING : { show: explainCount(count), value: count };
}

/** A dash for 0, where most are 0 and the others matter. */
export function rareCell(count: number): Cell {
  return count === 0 ? { ...NOTHING, value: 0 } : countCell(count);
}

export function bytesCell(bytes: number | undefined): Cell {
  return bytes === undefined || Number.isNaN(bytes)
    ? NOTHING
    : {
        show: html`<span title="${explainCount(bytes)} bytes">${explainBytes(bytes)}</span>`,
        value: bytes,
      };
}

export function durationCell(durationMs: number | undefined): Cell {
  return durationMs === undefined || Number.isNaN(durationMs)
    ? NOTHING
    : { show: explainDuration(durationMs), value: durationMs };
}

export function timeCell(ms: number): Cell {
  return { show: timeMarkup(ms), value: ms };
}

/** In UTC; the page's script shows it in the reader's own time. */
export function timeMarkup(ms: number): Markup {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;
}

export function stateClass(state: ShownState): string {
  return `state-${state.replace(' ', '-')}`;
}

export function stateMark(state: ShownState): Markup {
  return html`<i class="mark ${stateClass(state)}"></i>`;
}

/** `each file × 5`. */
export function overText({ each, cells }: Pick<StepData, 'each' | 'cells'>): string {
  return cells.length === 0 ? each : `${each} × ${cells.length}`;
}

/** `4 done, 1 failed`. */
export function explainStates(counts: Counts): string {
  const parts = STATES.flatMap((state, index) => {
    const count = counts[index] ?? 0;
    return count === 0 ? [] : [`${explainCount(count)} ${state}`];
  });
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** A bar of the states' shares; what it says is to be said in words beside it. */
export function stateBar(counts: Counts): Markup {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const pieces = STATES.map((state, index) => {
    const count = counts[index] ?? 0;
    if (count === 0) return undefined;
    const share = ((count / total) * 100).toFixed(3);
    return html`<i class="${stateClass(state)}" style="flex-basis:${share}%"></i>`;
  });
  return html`<span class="statebar" aria-hidden="true">${pieces}</span>`;
}
