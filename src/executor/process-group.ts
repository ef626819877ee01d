// Process groups: how they are named so that a reused pid is not mistaken for them, and how they
// are ended.
import { readFileSync } from 'node:fs';
import type { ProcessGroup } from './executor.ts';

/** The group that this process leads. */
export function describeGroup(pid: number): ProcessGroup {
  return { pid, started: startTime(pid) ?? new Date().toISOString() };
}

/** Field 22 of /proc/PID/stat: clock ticks since boot. Undefined without such a process or file. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Ends every process of the group at once; nothing when it is gone already. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nobody is left, which is what was wanted.
  }
}
