// Whether every group of files can pass the disk at all: one whose source alone is more than the
// budget never could, and is told of before anything runs.
import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { PlanStep } from './plan.ts';

export function checkDisk(config: Config, steps: readonly PlanStep[]): readonly Diagnostic[] {
  const { budget } = config.disk;
  if (budget === 'auto') return [];
  return steps.flatMap((step): readonly Diagnostic[] => {
    const largest = step.releases.length === 0 ? undefined : largestGroup(step);
    if (largest === undefined || largest.bytes <= budget) return [];
    return [
      {
        code: 'wrong-value',
        severity: 'error',
        message:
          `pools: {disk: ${sizeText(budget)}} is less than the source files of ${largest.name}, ` +
          `which have ${sizeText(largest.bytes)}: step "${step.name}" frees them only together`,
        at: step.config.at,
        hint: 'give more, or let groups be smaller (each: .. of the steps, groups: of the source)',
      },
    ];
  });
}

function largestGroup({ table }: PlanStep) {
  const sizes = table.names.map((name, member) => {
    const files = table.filesOf(member).map((file) => table.listing?.files[file]?.bytes ?? 0);
    return { name, bytes: files.reduce((sum, bytes) => sum + bytes, 0) };
  });
  return sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a), { name: '', bytes: 0 });
}

function sizeText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
