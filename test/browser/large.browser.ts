// The report of the large shape of the benchmarks, 107,800 targets: how long it takes to open, and
// how large it is. Both are printed; only what would make it useless fails.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildState } from '../../bench/built-state.ts';
import { countTargets, pipelineOf, tablesShape } from '../../bench/shape.ts';
import { realFiles } from '../../bench/wikidata-files.ts';
import { openChromium } from './chromium.ts';
import { LOOKS, openReport, screenshot, violations } from './open-report.ts';

const PROJECT = join(import.meta.dirname, '../..');
const kept = process.env['EIDER_LARGE_STATE'];
const root = kept ?? mkdtempSync(join(tmpdir(), 'eider-report-'));
const shape = tablesShape(realFiles());
let browser: Browser;

beforeAll(async () => {
  browser = await openChromium();
  if (existsSync(join(root, 'finished'))) return;
  mkdirSync(join(root, 'src'), { recursive: true });
  for (const { key } of shape.files) writeFileSync(join(root, 'src', `${key}.parquet`), key);
  const pipeline = join(root, 'pipeline.yaml');
  writeFileSync(pipeline, pipelineOf(shape));
  await buildState(pipeline);
  writeFileSync(join(root, 'finished'), '');
});

afterAll(async () => {
  await browser.close();
  if (kept === undefined) rmSync(root, { recursive: true, force: true });
});

test('it is written, opens and is filtered quickly', async () => {
  const begun = performance.now();
  const args = ['--import', join(PROJECT, 'bench/peak-memory.js'), join(PROJECT, 'src/bin.js')];
  const made = spawnSync(process.execPath, [...args, 'report'], { cwd: root, encoding: 'utf8' });
  const madeMs = performance.now() - begun;
  expect(made.status).toBe(0);
  const path = join(root, 'work/default/report.html');
  const { page, readyMs, complaints } = await openReport(browser, { path, look: LOOKS['light'] });
  const targets = countTargets(shape);
  const count = page.locator('#targets-count');
  expect(await count.textContent()).toBe(`100 of ${targets.toLocaleString('en-US')} targets`);
  const typed = performance.now();
  await page.locator('#targets-text').fill('chunk_7-00012');
  expect(await count.textContent()).toBe('11 targets');
  const filterMs = performance.now() - typed;
  await screenshot(page, 'large-light');
  expect(complaints).toEqual([]);
  expect(await violations(page)).toEqual([]);
  const megabytes = (statSync(path).size / 1e6).toFixed(2);
  process.stdout.write(
    `${targets} targets: written in ${(madeMs / 1000).toFixed(1)} s, ${megabytes} MB, ready in ` +
      `${readyMs.toFixed(0)} ms, filtered in ${filterMs.toFixed(0)} ms\n${made.stderr}`,
  );
});
