// The port to the operating system's processes: who we are, who still lives, and ending a group.
// The real one reads /proc where there is one, and asks `ps` elsewhere.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { kill, pid as ownPid, platform } from 'node:process';

export interface Processes {
  readonly self: ProcessIdentity;
  /** When the process started, in the words of `ProcessGroup.started`; undefined when it is gone. */
  startOf(pid: number): string | undefined;
  /** Whether any process of the group lives, though its leader may be gone. */
  groupExists(pid: number): boolean;
  /** Nothing when there is no such group, or it is not ours to end. */
  signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Enough to tell later, on the same machine, whether this very process still lives. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  readonly host: string;
  /** Changes with every boot of the host; '' where the system does not tell. */
  readonly boot: string;
  /** The pid namespace (a container has its own); '' where there are none. */
  readonly pidSpace: string;
}

export function systemProcesses(): Processes {
  const { startOf, groupExists } = platform === 'linux' ? procFiles : processList;
  return {
    self: {
      pid: ownPid,
      started: startOf(ownPid) ?? '',
      host: hostname(),
      boot: bootId(),
      pidSpace: attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '',
    },
    startOf,
    groupExists,
    signalGroup(pid, signal) {
      // 0 and 1 mean our own group and every process there is.
      if (Number.isInteger(pid) && pid > 1) attempt(() => kill(-pid, signal));
    },
  };
}

type ProcessTable = Pick<Processes, 'startOf' | 'groupExists'>;

const procFiles: ProcessTable = {
  startOf: (pid) => readProcess(String(pid))?.started,
  groupExists: (pid) =>
    readdirSync('/proc').some((name) => /^\d/.test(name) && readProcess(name)?.group === pid),
};

/** A zombie is gone: it holds nothing, and only waits for its parent to look. */
function readProcess(
  pid: string,
): { readonly group: number; readonly started: string } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The command in field 2 may hold spaces and parentheses; field 3 follows the last one.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields ?? [];
  const started = fields?.[22 - 3];
  if (started === undefined || state === 'Z' || state === 'X') return undefined;
  return { group: Number(group), started };
}

const processList: ProcessTable = {
  startOf(pid) {
    const text = attempt(() => run('ps', ['-o', 'state=,lstart=', '-p', String(pid)]));
    const [, state, started] = /^\s*(\S)\S*\s+(.+?)\s*$/.exec(text ?? '') ?? [];
    if (started === undefined || state === 'Z') return undefined;
    return new Date(started).toISOString();
  },
  groupExists: (pid) =>
    attempt(() => {
      kill(-pid, 0);
      return true;
    }) ?? false,
};

function bootId(): string {
  const id =
    attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')) ??
    attempt(() => run('sysctl', ['-n', 'kern.bootsessionuuid']));
  return id?.trim() ?? '';
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Processes come and go: what cannot be asked is not there. */
function attempt<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch {
    return undefined;
  }
}
