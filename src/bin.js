#!/usr/bin/env node
// The entry. Plain JavaScript that an old Node can read too, so that it can say what it needs; the
// compile cache is on before the first TypeScript file is stripped.
import * as nodeModule from 'node:module';

const needed = 26;
if (Number(process.versions.node.split('.')[0]) < needed) {
  process.stderr.write(
    `Eider needs Node ${needed}, this is ${process.version}: ` +
      'start it with `pnpm pipeline`, which brings its own Node.\n',
  );
  process.exitCode = 2;
} else {
  nodeModule.enableCompileCache();
  const { main } = await import('./cli/cli.ts');
  await main(process.argv.slice(2));
}
