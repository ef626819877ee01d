// `pipeline refresh`: lists Hub sources anew and says what is different.
import { nodeFileSystem, systemClock } from '../node-file-system.ts';
import { EXIT } from './exit-code.ts';
import { invocationOf, projectOptions, type RawOptions } from './options.ts';
import { prepareSources } from './prepare-sources.ts';
import { openProject } from './project.ts';
import { openWorkSession } from './work-session.ts';

export async function refreshCommand(raw: RawOptions): Promise<number> {
  const { config } = openProject(projectOptions(raw));
  if (!config.sources.some((source) => source.kind === 'hub')) {
    process.stdout.write('Local sources are listed at every run; there is nothing to refresh.\n');
    return EXIT.ok;
  }
  const command = `${invocationOf(raw)} refresh`;
  const context = { fs: nodeFileSystem, clock: systemClock };
  const session = await openWorkSession(config, { ...context, command });
  try {
    await prepareSources({
      ...context,
      config,
      connections: session.connections,
      executor: session.executor,
      signal: new AbortController().signal,
      note: (message) => process.stdout.write(`${message}\n`),
      refresh: true,
    });
    return EXIT.ok;
  } finally {
    await session.close('end');
  }
}
