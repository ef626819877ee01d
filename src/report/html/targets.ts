// The place for the table of all targets. There may be a hundred thousand, so the page's script
// shows those that are asked for.
import type { Report } from '../report.ts';
import { STATES } from '../shown-state.ts';
import { html, type Markup } from './markup.ts';

export function targetSection({ steps, unplanned }: Report): Markup {
  const option = (name: string, index: number) => html`<option value="${index}">${name}</option>`;
  const choice = (
    id: string,
    label: string,
    options: readonly Markup[],
  ) => html`<span class="field">
<label for="${id}">${label}</label><select id="${id}"><option value="">any</option>${options}</select></span>`;
  const gone =
    unplanned === 0
      ? undefined
      : html`<p class="note">${unplanned} recorded attempts are at targets that are not in the plan
(of a seed, or no more); <code>pipeline history</code> shows them.</p>`;
  const stepNames = steps.map(({ name }, index) => option(name, index));
  return html`<section id="targets" aria-labelledby="targets-head">
<h2 id="targets-head">Targets</h2>
<form class="filter" id="targets-form" role="search" aria-label="Targets">
<span class="field"><label for="targets-text">Name</label>
<input type="search" id="targets-text" autocomplete="off" spellcheck="false" placeholder="part of a name"></span>
${choice('targets-step', 'Step', stepNames)}
${choice('targets-state', 'State', STATES.map(option))}
<output id="targets-count" for="targets-text targets-step targets-state" aria-live="polite"></output>
</form>
<div class="scroll" role="region" tabindex="0" aria-labelledby="targets-caption">
<table id="targets-table" class="data">
<caption><span id="targets-caption">Targets: figures of the last attempt at each</span></caption>
<thead></thead><tbody></tbody></table></div>
<p><button type="button" id="targets-more" hidden>Show more</button></p>${gone}
<noscript><p>This table needs JavaScript.</p></noscript>
</section>`;
}
