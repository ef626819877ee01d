// `pipeline report`: one HTML file about all targets and runs, from the journals and what is judged
// of them. Reads beside whoever runs and never takes the lock.
import { spawn } from 'node:child_process';
import { closeSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { nodeFileSystem } from '../node-file-system.ts';
import { collectReport } from '../report/collect-report.ts';
import { reportDocument } from '../report/html/document.ts';
import { observeOwner } from '../store/lock.ts';
import { systemProcesses } from '../store/processes.ts';
import { listRuns } from '../store/run-log.ts';
import { runsPath } from '../store/state-folder.ts';
import { EXIT } from './exit-code.ts';
import type { Call } from './glance.ts';
import { look } from './look.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openOutput } from './output-file.ts';
import { openProject, stateFolder } from './project.ts';
import { openRecords } from './records.ts';

export async function reportCommand(
  raw: RawOptions & { readonly out?: string; readonly open: 'yes' | 'no' },
  run: Call,
): Promise<number> {
  const project = openProject(projectOptions(raw));
  const store = openRecords(project, raw);
  const { work } = project.config;
  const folder = stateFolder(project.config);
  const fs = nodeFileSystem;
  const owner = observeOwner({ fs, processes: systemProcesses(), folder });
  const judgedMs = Date.now();
  const report = await look(project, {
    options: { words: [], rehash: 'none', isAllFresh: run.isAllDone() },
    use: ({ graph, survey }) =>
      collectReport({
        plan: graph.plan,
        work: relative(process.cwd(), work) || '.',
        nowMs: Date.now(),
        running: owner && `pid ${owner.pid} since ${owner.at} (${owner.command})`,
        judgedMs,
        isFresh: (id) => survey.assessment.stateOf(id) === 'fresh',
        source: { fs, folder, journals: store.journals() },
        runs: listRuns(fs.read(runsPath(folder)) ?? new Uint8Array()),
      }),
  });
  const path = raw.out === undefined ? join(work, 'report.html') : resolve(raw.out);
  const file = openOutput(path);
  writeFileSync(file, reportDocument(report));
  closeSync(file);
  process.stdout.write(`${relative(process.cwd(), path)}\n`);
  if (raw.open === 'yes') openInBrowser(path);
  return EXIT.ok;
}

/** Nobody waits for it, and where there is no browser the path was printed. */
function openInBrowser(path: string): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(command, [path], { detached: true, stdio: 'ignore' });
  child.on('error', () => {});
  child.unref();
}
