// Opens a written report as a reader has it, and sees that it asks for nothing else.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Git ignores it. */
const SCREENSHOTS = join(import.meta.dirname, '../../work/screenshots');

export const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light', viewport: { width: 1400, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1400, height: 900 } },
  narrow: { colorScheme: 'light', viewport: { width: 360, height: 740 } },
  'narrow-dark': { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
};

export interface OpenReport {
  readonly page: Page;
  /** From the address to all that the page's script does by itself. */
  readonly readyMs: number;
  /** Addresses asked for besides the report, and mistakes of its script. */
  readonly complaints: readonly string[];
}

export async function openReport(
  browser: Browser,
  { path, look = {} }: { readonly path: string; readonly look?: BrowserContextOptions | undefined },
): Promise<OpenReport> {
  const context = await browser.newContext({ ...look, timezoneId: 'UTC', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const complaints: string[] = [];
  const address = `file://${path}`;
  page.on('request', (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith('data:')) complaints.push(`asks for ${url}`);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const begun = performance.now();
  await page.goto(address);
  await page.waitForSelector('main[data-ready]');
  return { page, readyMs: performance.now() - begun, complaints };
}

export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong, with where. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const found: { readonly violations: readonly Violation[] } = await page.evaluate('axe.run()');
  return found.violations.map(({ id, help, nodes }) => {
    const where = nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary ?? ''}`);
    return `${id}: ${help}\n${where.join('\n')}`;
  });
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}
