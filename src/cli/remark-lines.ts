// The part of `status` that tells what was accepted, adopted or damaged.
import { explainCounted } from '../reporter/quantity.ts';
import { recordedName } from '../run/recorded-name.ts';
import type { Remark } from '../run/remarks.ts';

const SHOWN = 20;

/** Empty when there is nothing to say. `invocation` is how the user calls the program. */
export function remarkLines(
  remarks: ReadonlyMap<string, Remark>,
  invocation: string,
): readonly string[] {
  const all = [...remarks];
  const accepted = all.flatMap(([journal, remark]) =>
    Object.entries(remark.accepted).map(
      ([target, { who, why, at }]) =>
        `  ${recordedName(target, journal)} ${at} by ${who}${why === '' ? '' : `: ${why}`}`,
    ),
  );
  const foreign = all.filter(([, { foreignStep }]) => foreignStep !== undefined);
  const damaged = all.filter(([, { damagedLines }]) => damagedLines.length > 0);
  const lines: string[] = [];
  if (accepted.length > 0) lines.push('', 'accepted:', ...few(accepted));
  if (foreign.length > 0) {
    const said = foreign.map(([journal, { foreignStep }]) => `  ${journal}: step ${foreignStep}`);
    lines.push(
      '',
      `${explainCounted(foreign.length, 'file')} with only the state of another program:`,
      ...few(said),
    );
    lines.push(`  it proves nothing; to adopt what their outputs prove: ${invocation} repair`);
  }
  if (damaged.length > 0) {
    const said = damaged.map(
      ([journal, { damagedLines }]) => `  state/${journal}.jsonl: lines ${damagedLines.join(', ')}`,
    );
    lines.push('', `${explainCounted(damaged.length, 'damaged journal')}:`, ...few(said));
    lines.push(
      '  what they prove is looked at again before it is used; to do so now and write them clean: ' +
        `${invocation} repair`,
    );
  }
  return lines;
}

function few(lines: readonly string[]): readonly string[] {
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), `  … and ${more} more`] : lines;
}
