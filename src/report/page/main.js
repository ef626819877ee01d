// Begins when the page is there: tables at once, then what needs the page's data.

import { stepColor } from './chart.js';
import { elementOf, make, readData } from './data.js';
import { timeText } from './quantity.js';
import { drawRanks } from './rank-chart.js';
import { drawRun } from './run-charts.js';
import { improveTables } from './tables.js';
import { TargetTable } from './target-table.js';

function showOwnTimes() {
  for (const time of document.querySelectorAll('time')) {
    time.title = time.dateTime;
    time.textContent = timeText(new Date(time.dateTime));
  }
}

function paintSwatches() {
  for (const swatch of document.querySelectorAll('[data-color]')) {
    const step = Number(swatch.getAttribute('data-color'));
    if (swatch instanceof HTMLElement) swatch.style.background = stepColor(step);
  }
}

/** @param {import('./data.js').PageData} data */
function drawCharts({ runs, partitions, targets }) {
  const steps = targets.steps.map(({ name }) => name);
  const choice = document.getElementById('run-choice');
  if (choice instanceof HTMLSelectElement) {
    const draw = () => {
      const series = runs[Number(choice.value)];
      if (series) drawRun(series, steps);
    };
    choice.addEventListener('change', draw);
    draw();
  }
  for (const figure of document.querySelectorAll('[data-ranks]')) {
    const ranks = partitions[Number(figure.getAttribute('data-ranks'))];
    if (ranks !== undefined) drawRanks(figure, ranks);
  }
}

async function start() {
  showOwnTimes();
  improveTables();
  paintSwatches();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paintSwatches);
  const data = await readData();
  new TargetTable(data.targets, data.states).start();
  drawCharts(data);
  // Told to whoever waits for it.
  elementOf('main').dataset['ready'] = 'yes';
}

/** The tables that are on the page stay. @param {unknown} error */
function tell(error) {
  const text = `Charts and the table of targets cannot be shown by this browser: ${error}`;
  elementOf('main').prepend(make('p', { class: 'notice', role: 'alert' }, [text]));
}

start().catch(tell);
