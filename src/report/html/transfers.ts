// Bytes that came from sources and lie in datasets.
import { explainCounted } from '../../reporter/quantity.ts';
import type { Report } from '../report.ts';
import { dataTable } from './data-table.ts';
import { bytesCell, countCell } from './figures.ts';
import { html, type Markup } from './markup.ts';

export function transferSection({ sources, datasets }: Report): Markup | undefined {
  if (sources.length === 0 && datasets.length === 0) return undefined;
  const takenRows = sources.flatMap(({ name, where, files, bytes, excluded, taken }) =>
    taken.map((each) => [
      { show: each.step },
      name,
      excluded === 0 ? where : `${where} (${explainCounted(excluded, 'file')} left out)`,
      countCell(each.files),
      bytesCell(each.bytes),
      countCell(files),
      bytesCell(bytes),
    ]),
  );
  return html`<section id="transfers" aria-labelledby="transfers-head">
<h2 id="transfers-head">Pulled and pushed</h2>
${dataTable({
  id: 'pulled-table',
  caption: 'What steps have taken from sources, and what these hold',
  columns: [
    { name: 'step', kind: 'text' },
    { name: 'source', kind: 'text' },
    { name: 'where', kind: 'text' },
    { name: 'files taken', kind: 'number' },
    { name: 'bytes taken', kind: 'number' },
    { name: 'files', kind: 'number' },
    { name: 'bytes', kind: 'number' },
  ],
  rows: takenRows,
})}
${datasets.length === 0 ? undefined : datasetTable(datasets)}
</section>`;
}

function datasetTable(datasets: Report['datasets']): Markup {
  return dataTable({
    id: 'pushed-table',
    caption: 'What lies in datasets by the last publications',
    columns: [
      { name: 'dataset', kind: 'text' },
      { name: 'parts', kind: 'number', title: 'targets that publish into it' },
      { name: 'files', kind: 'number' },
      { name: 'rows', kind: 'number' },
      { name: 'bytes', kind: 'number' },
    ],
    rows: datasets.map(({ dataset, parts, files, rows, bytes }) => [
      { show: dataset },
      countCell(parts),
      countCell(files),
      countCell(rows),
      bytesCell(bytes),
    ]),
  });
}
