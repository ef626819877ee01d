// The report of a small run in a real browser: what it shows, clicks, keys, looks.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HistoryRow } from '../../src/report/history.ts';
import { Rig } from '../rig.ts';
import { openChromium } from './chromium.ts';
import { LOOKS, type OpenReport, openReport, screenshot, violations } from './open-report.ts';

/** Only a browser that hangs takes as long; axe-core looks at every element four times. */
const HANG_MS = 10 * 60_000;
vi.setConfig({ testTimeout: HANG_MS, hookTimeout: HANG_MS });

let browser: Browser;
let rig: Rig;
let path: string;
let rows: readonly HistoryRow[];

beforeAll(async () => {
  browser = await openChromium();
  rig = await Rig.small();
  for (const name of ['1-1', '2-0', '2-1', '3-0', '3-1']) await rig.source(name);
  const merge = 'run: cat {input} | sha256sum > {output}';
  rig.edit('pipeline.yaml', merge, `run: test {chunk} -ne 1 && cat {input} | sha256sum > {output}`);
  await rig.run('-j', '3');
  // One result is stale; everything behind it waits.
  rig.remove('work/default/flat/chunk_3-1.parquet');
  const { stdout } = await rig.command(['report']);
  path = join(rig.root, stdout.trim());
  const history = await rig.command(['history', '--format', 'json']);
  rows = history.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
});

afterAll(async () => {
  await browser.close();
  rig.close();
});

async function open(look?: keyof typeof LOOKS): Promise<OpenReport> {
  return await openReport(browser, { path, look: look === undefined ? undefined : LOOKS[look] });
}

/** Texts of the first cells of the rows that are shown. */
async function firstCells(page: Page, table: string): Promise<readonly string[]> {
  return await page.locator(`#${table} tbody tr:not([hidden]) th`).allTextContents();
}

describe.each(Object.keys(LOOKS))('%s', (name) => {
  test('it shows itself without complaint, in its width, and axe-core finds nothing wrong', async () => {
    const { page, complaints } = await open(name);
    await page
      .locator('details')
      .evaluateAll('details => details.map((each) => { each.open = true; })');
    expect(await violations(page)).toEqual([]);
    const width = LOOKS[name]?.viewport?.width ?? 0;
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await screenshot(page, `small-${name}`);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

test('states are those of status', async () => {
  const { page } = await open();
  const { stdout } = await rig.command(['status', '--json']);
  const files: readonly { readonly targets: Readonly<Record<string, string>> }[] =
    JSON.parse(stdout);
  const states = files.flatMap(({ targets }) => Object.values(targets));
  for (const state of new Set(states)) {
    const shown = await page.locator(`[data-state="${state}"]`).textContent();
    expect({ state, shown }).toEqual({
      state,
      shown: String(states.filter((each) => each === state).length),
    });
  }
  expect(await page.locator('[data-figure="targets"]').textContent()).toBe(String(states.length));
  await page.context().close();
});

test('a click on a step shows its targets, a name and a state narrow them', async () => {
  const { page } = await open();
  await page.locator('a[data-step="process"]').click();
  expect(await firstCells(page, 'targets-table')).toHaveLength(8);
  await page.locator('#targets-text').fill('CHUNK_2');
  expect(await firstCells(page, 'targets-table')).toEqual([
    'process@chunk_2-0',
    'process@chunk_2-1',
  ]);
  expect(await page.locator('#targets-count').textContent()).toBe('2 targets');
  await page.locator('#targets-text').fill('');
  await page.locator('#targets-step').selectOption('any');
  await page.locator('#targets-state').selectOption('failed');
  expect(await firstCells(page, 'targets-table')).toEqual(['merge@chunk=1']);
  await page.context().close();
});

test('columns sort by their numbers, by mouse and by keyboard', async () => {
  const { page } = await open();
  const slowest = rows.toSorted((a, b) => (b.duration_ms ?? 0) - (a.duration_ms ?? 0));
  const head = page.locator('#targets-table thead').getByRole('button', { name: 'time' });
  await head.click();
  expect((await firstCells(page, 'targets-table'))[0]).toBe(slowest[0]?.target);
  await head.focus();
  await page.keyboard.press('Enter');
  expect((await firstCells(page, 'targets-table')).at(-1)).toBe(slowest[0]?.target);
  const sorted = page.locator('#targets-table th[aria-sort]');
  expect(await sorted.getAttribute('aria-sort')).toBe('ascending');
  await page.locator('#steps-table thead').getByRole('button', { name: 'written' }).click();
  const bytes = (step: string) => {
    const of = rows.filter((row) => row.step === step && row.status === 'done');
    return of.reduce((sum, row) => sum + (row.bytes_out ?? 0), 0);
  };
  const steps = ['pull', 'process', 'partition', 'merge'].sort((a, b) => bytes(b) - bytes(a));
  expect(await firstCells(page, 'steps-table')).toEqual([...steps, 'total']);
  await page.context().close();
});

test('a text filters a table and says how many rows are left', async () => {
  const { page } = await open();
  await page.locator('#slowest-table-filter').fill('partition@');
  expect(await firstCells(page, 'slowest-table')).toHaveLength(8);
  expect(await page.locator('#slowest-table-count').textContent()).toBe(`8 of ${rows.length}`);
  await page.context().close();
});

test('charts are read, zoomed and left with the keyboard', async () => {
  const { page } = await open();
  const chart = page.locator('[data-chart="rows"] .plot');
  expect(await chart.getAttribute('aria-label')).toMatch(
    /^Rows per second over time\. rows: at most/,
  );
  await chart.focus();
  await page.keyboard.press('ArrowRight');
  const readout = page.locator('#time-readout');
  const first = await readout.textContent();
  expect(first).toMatch(/^\d\d:\d\d:\d\d[.]\d\d +Rows per second: rows /);
  for (const key of ['ArrowRight', 'ArrowRight', '+', 'ArrowRight']) await page.keyboard.press(key);
  expect(await readout.textContent()).not.toBe(first);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toMatch(
    /^Bytes/,
  );
  await page.context().close();
});

test('the first stop of the keyboard leads to the content', async () => {
  const { page } = await open();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('main');
  await page.context().close();
});

test('what a worker did adds up in the table beside the chart', async () => {
  const { page } = await open();
  await page.locator('details.numbers summary').click();
  const cells = page.locator('#time-tables table').first().locator('tbody td:nth-child(2)');
  const attempts = (await cells.allTextContents()).map(Number);
  expect(attempts.reduce((sum, each) => sum + each, 0)).toBe(rows.length);
  const names = await page
    .locator('#time-tables table')
    .first()
    .locator('tbody th')
    .allTextContents();
  expect(names).toEqual([...new Set(rows.map(({ worker }) => `worker ${worker}`))].sort());
  await page.context().close();
});
