// `pipeline validate`: every check that can be made without running anything.
import { nodeFileSystem } from '../node-file-system.ts';
import { EXIT } from './exit-code.ts';
import { projectOptions, type RawOptions } from './options.ts';
import { openProject, planProject } from './project.ts';

export function validateCommand(raw: RawOptions): number {
  const project = openProject(projectOptions(raw));
  for (const warning of project.warnings) process.stderr.write(`${warning}\n`);
  const { config } = project;
  const unseeded = config.sources.filter((source) => source.seed !== undefined);
  const seeds = unseeded.map((source) => source.name).join(', ');
  const listed = unseeded.length === 0 ? planProject(project, nodeFileSystem) : undefined;
  const targets = listed === undefined ? '' : `, ${listed.plan.targetCount} targets`;
  const note = seeds === '' ? '' : ` (the files of ${seeds} are made by a run)`;
  process.stdout.write(
    `${config.file} is valid: profile ${config.profile}, ${config.sources.length} sources, ` +
      `${config.steps.length} steps${targets}${note}\n`,
  );
  return EXIT.ok;
}
