import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../crds/files.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * What a script that generates files does: it writes them, or with `--check` writes nothing and fails when one is not what it would write.
 *
 * @param command how the script is called
 * @param files   path from the root of the repository to content
 */
export async function writeOrCheck(command: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, wanted] of files) {
    const path = join(ROOT, name);
    if (process.argv.includes('--check')) {
      const found = await readFile(path, 'utf8').catch(() => '');
      if (found === wanted) continue;
      process.stderr.write(`${name} is stale\n  try  ${command}\n`);
      process.exitCode = 1;
    } else {
      await mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(path, wanted);
      process.stdout.write(`wrote ${name}\n`);
    }
  }
}
