// The page as one text: all sections, style, script, charting library and data. It asks no network
// for anything, and says so to the browser.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { encodePageData } from '../page-data.ts';
import type { Report } from '../report.ts';
import { failureSection, slowSection } from './failures.ts';
import { groupSection } from './groups.ts';
import { html, Markup } from './markup.ts';
import { overview, pageHead, stepSection } from './overview.ts';
import { findingSection, partitionSection, rowSection } from './rows.ts';
import { runSection, timeSection } from './runs.ts';
import { targetSection } from './targets.ts';
import { transferSection } from './transfers.ts';

const PAGE = join(import.meta.dirname, '../page');
/** In an order in which each uses only those before it. */
const SCRIPTS = ['quantity.js', 'data.js', 'tables.js', 'target-table.js', 'chart.js'];
const SCRIPTS_AFTER = ['lanes.js', 'run-charts.js', 'rank-chart.js', 'main.js'];

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

export function reportDocument(report: Report): string {
  const sections: readonly (readonly [string, string, Markup | undefined])[] = [
    ['overview', 'Overview', overview(report)],
    ['steps', 'Steps', stepSection(report)],
    ['failures', 'Failures', failureSection(report)],
    ['time', 'Over time', timeSection(report)],
    ['groups', 'Groups', groupSection(report)],
    ['rows', 'Rows', rowSection(report)],
    ['values', 'Values', partitionSection(report)],
    ['quality', 'Quality', findingSection(report)],
    ['transfers', 'Pulled and pushed', transferSection(report)],
    ['slowest', 'Slowest', slowSection(report)],
    ['runs', 'Runs', runSection(report)],
    ['targets', 'Targets', targetSection(report)],
  ];
  const shown = sections.filter(([, , section]) => section !== undefined);
  const links = shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<title>${report.pipeline}: report</title>
<link rel="icon" href="data:,">
<style>${asIs(libraryText('uPlot.min.css'))}
${asIs(readFileSync(join(PAGE, 'style.css'), 'utf8'))}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
${pageHead(report)}
<div class="frame">
<nav aria-label="Sections"><ul>${links}</ul></nav>
<main id="main" tabindex="-1">
${shown.map(([, , section]) => section)}
</main>
</div>
<script type="application/octet-stream" id="data">${asIs(encodePageData(report))}</script>
<script>${asIs(libraryText('uPlot.iife.min.js'))}</script>
<script>${asIs(pageScript())}</script>
</body>
</html>
`.text;
}

/** Texts of our own, and of a library: nothing in them may end the element. */
function asIs(text: string): Markup {
  return new Markup(text.replace(/<\/(script|style)/gi, '<\\/$1'));
}

function libraryText(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`), 'utf8');
}

/** The modules of the page as one script: their names differ, so imports need not be kept. */
function pageScript(): string {
  const texts = [...SCRIPTS, ...SCRIPTS_AFTER].map((file) =>
    readFileSync(join(PAGE, file), 'utf8')
      .replace(/^import .*;\n/gm, '')
      .replace(/^export /gm, ''),
  );
  return `'use strict';(() => {\n${texts.join('\n')}\n})();`;
}
