/**
 * `node crds/generate.ts` writes the CRD from the schema; `--check` writes nothing and fails when the file is not what it would write.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cftRunCrdYaml } from './crd.ts';
import { writeFileAtomic } from './files.ts';

const CRD_FILE = fileURLToPath(new URL('./cft.dev_cftruns.yaml', import.meta.url));

const wanted = cftRunCrdYaml();
if (process.argv.includes('--check')) {
  const found = await readFile(CRD_FILE, 'utf8').catch(() => '');
  if (found !== wanted) {
    process.stderr.write(`${CRD_FILE} is stale\n  try  node crds/generate.ts\n`);
    process.exitCode = 1;
  }
} else {
  await writeFileAtomic(CRD_FILE, wanted);
  process.stdout.write(`wrote ${CRD_FILE}\n`);
}
