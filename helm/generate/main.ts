/**
 * `node helm/generate/main.ts` writes the generated files of the chart; `--check` writes nothing and fails when one is not what it would
 * write.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../crds/files.ts';
import { chartFiles } from './files.ts';

const CHART = join(import.meta.dirname, '..');

for (const [name, wanted] of chartFiles()) {
  const path = join(CHART, name);
  if (process.argv.includes('--check')) {
    const found = await readFile(path, 'utf8').catch(() => '');
    if (found === wanted) continue;
    process.stderr.write(`${path} is stale\n  try  node helm/generate/main.ts\n`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, wanted);
    process.stdout.write(`wrote ${path}\n`);
  }
}
