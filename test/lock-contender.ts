// Run by lock-real.test.ts in several processes at once: takes the lock again and again, and says
// on its output what it saw. `hold` takes it once, starts a process group and waits to be killed.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { nodeFileSystem, systemClock } from '../src/node-file-system.ts';
import { acquireLock } from '../src/store/lock.ts';
import { systemProcesses } from '../src/store/processes.ts';

const [folder = '', mode] = process.argv.slice(2);
const processes = systemProcesses();
const options = { fs: nodeFileSystem, clock: systemClock, processes, folder, command: 'contend' };

if (mode === 'hold') await hold();
else await contend(Number(mode));

async function hold(): Promise<void> {
  const result = await acquireLock(options);
  if (result.kind === 'refused') throw new Error(result.problem.message);
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  result.lock.addGroup({ pid, started: processes.startOf(pid) ?? '' });
  process.stdout.write(`${pid}\n`);
  setInterval(() => undefined, 1000);
}

async function contend(rounds: number): Promise<void> {
  const inside = `${folder}/inside`;
  for (let held = 0; held < rounds; ) {
    const result = await acquireLock(options);
    if (result.kind === 'refused') {
      await setImmediate();
      continue;
    }
    held += 1;
    process.stdout.write(nodeFileSystem.create(inside, '') ? 'alone\n' : 'VIOLATION\n');
    if (result.takenOver !== undefined) process.stdout.write('taken over\n');
    rmSync(inside);
    // The last time it dies with the lock.
    if (held < rounds) result.lock.release();
  }
}
