// Reads a written report as a browser would: the cells of its tables and the data for its script.
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import type { RunSeries } from '../src/report/run-series.ts';

export interface ReportPage {
  readonly text: string;
  readonly data: ReportPageData;
  /** Rows of a table by the names of its columns; texts as they are shown. */
  table(id: string): readonly Readonly<Record<string, string>>[];
}

type Column = readonly (number | null)[];

export interface ReportPageData {
  readonly states: readonly string[];
  readonly runs: readonly (RunSeries | null)[];
  readonly partitions: readonly { readonly tables: readonly string[]; readonly ranks: Column[] }[];
  readonly targets: {
    readonly states: readonly number[];
    readonly attempts: readonly number[];
    readonly started: Column;
    readonly durationMs: Column;
    readonly rows: Column;
    readonly bytesIn: Column;
    readonly bytesOut: Column;
    readonly peakKib: Column;
    readonly worker: Column;
  };
}

export function readReportPage(path: string): ReportPage {
  const text = readFileSync(path, 'utf8');
  const [, packed = ''] = /id="data">([^<]*)</.exec(text) ?? [];
  const data: ReportPageData = JSON.parse(
    inflateRawSync(Buffer.from(packed, 'base64')).toString('utf8'),
  );
  return { text, data, table: (id) => readTable(text, id) };
}

function readTable(text: string, id: string): readonly Readonly<Record<string, string>>[] {
  const [, table] = new RegExp(`<table id="${id}"[^>]*>(.*?)</table>`, 's').exec(text) ?? [];
  if (table === undefined) throw new Error(`no table ${id}`);
  const [, head = ''] = /<thead>(.*?)<\/thead>/s.exec(table) ?? [];
  const [, body = ''] = /<tbody>(.*?)<\/tbody>/s.exec(table) ?? [];
  const names = cellsOf(head);
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) => {
    const cells = cellsOf(row);
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
}

function cellsOf(row: string): readonly string[] {
  return [...row.matchAll(/<t[hd]\b[^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = '']) =>
    unescapeText(cell.replace(/<[^>]*>/g, '')),
  );
}

function unescapeText(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}
