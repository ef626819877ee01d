// What is said of a run that waits for space on the disk.
import type { SpaceShortage } from '../event.ts';
import { explainBytes } from './quantity.ts';

/** What a person can do about a full disk. */
export function explainPaused({ folder, group, ...bytes }: SpaceShortage): string {
  const free = `${explainBytes(bytes.freeBytes)} free on the disk of ${folder}`;
  const kept = `${explainBytes(bytes.keepFreeBytes)} of it kept (pools: {keep_free: ..})`;
  const wanted =
    group === undefined ? '' : `; ${group} needs about ${explainBytes(bytes.neededBytes)}`;
  return `waiting for space: ${free}, ${kept}${wanted}. Free some: the run goes on by itself`;
}

export const RESUMED = 'there is space again, going on';
