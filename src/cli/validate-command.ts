// `pipeline validate`: every check that can be made without running anything.

import { nodeFileSystem } from '../node-file-system.ts';
import { explainCounted } from '../reporter/quantity.ts';
import { EXIT } from './exit-code.ts';
import { planRecorded, unlistedSources } from './look.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { keptGroups, openProject } from './project.ts';

export function validateCommand(raw: RawOptions): number {
  const project = openProject(projectOptions(raw));
  for (const warning of project.warnings) process.stderr.write(`${warning}\n`);
  process.stderr.write(keptGroups(project, nodeFileSystem));
  const { config } = project;
  const unlisted = unlistedSources(project);
  const listed = unlisted.length === 0 ? planRecorded(project) : undefined;
  const targets =
    listed === undefined ? '' : `, ${explainCounted(listed.plan.targetCount, 'target')}`;
  const note = unlisted.length === 0 ? '' : ` (a run makes or lists ${unlisted.join(', ')} first)`;
  process.stdout.write(
    `${config.file} is valid: profile ${config.profile}, ${explainCounted(config.sources.length, 'source')}, ` +
      `${explainCounted(config.steps.length, 'step')}${targets}${note}\n`,
  );
  return EXIT.ok;
}
