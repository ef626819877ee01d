// The numbers that the page carries beside its tables.

/**
 * @typedef {(number | null)[]} Column
 * @typedef {{
 *   steps: { name: string, cells: string[], table: number }[],
 *   members: string[][],
 *   fromMs: number,
 *   states: number[], attempts: number[], started: Column, durationMs: Column, rows: Column,
 *   bytesIn: Column, bytesOut: Column, peakKib: Column, worker: Column,
 * }} Targets by id; ids go by step, cell and member
 * @typedef {{ name: string, attempts: number, busyMs: number, stretches: number[], isExact: boolean }} Lane
 * @typedef {{
 *   fromMs: number, widthMs: number, targets: number[], rows: number[], bytesIn: number[],
 *   bytesOut: number[], peakBytes: number[], togetherBytes: number[], lanes: Lane[],
 * }} Series
 * @typedef {{ column: string, tables: string[], ranks: number[][] }} Ranks
 * @typedef {{ states: string[], runs: (Series | null)[], partitions: Ranks[], targets: Targets }} PageData
 */

/** @returns {Promise<PageData>} */
export async function readData() {
  const text = atob(document.getElementById('data')?.textContent ?? '');
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  const packed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return await new Response(packed).json();
}

/** @param {string} id @returns {HTMLElement} */
export function elementOf(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * An element with attributes and children; texts are texts.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
export function make(name, attributes, children = []) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
