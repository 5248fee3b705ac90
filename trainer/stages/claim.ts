import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { writeFileAtomic } from '../../crds/files.ts';
import type { Stage } from '../../crds/stage.ts';

/** What to do with the output of other settings: `replace` it, or `refuse` to touch what the user may still want. */
export type ClaimPolicy = 'replace' | 'refuse';

/**
 * Makes sure that what lies at the stage's output was made with the stage's own settings, so that the stage may go on from it. The
 * digest of the owner is kept in `<stageDir>/digest`; it is written after the output of another digest has been removed, so that a
 * kill in between leads to the same removal again.
 *
 * @throws CftError InvalidArgument under policy `refuse`, or if the output is not inside the run's directory
 */
export async function claimOutput(stage: Stage, stageDir: string, policy: ClaimPolicy): Promise<void> {
  const digestFile = join(stageDir, 'digest');
  if ((await readText(digestFile))?.trim() === stage.digest) return;
  const output = resolve(stage.runDir, stage.params.output);
  if (!isInside(output, stage.runDir)) {
    throw new CftError('InvalidArgument', `the output ${stage.params.output} is not inside the run's directory`, {
      where: stage.runDir,
    });
  }
  const left = [...(await remains(output)), ...(await remains(join(stageDir, 'result.json')))];
  if (policy === 'refuse' && left.length > 0) {
    throw new CftError(
      'InvalidArgument',
      `${relative(process.cwd(), output) || '.'} holds work that was done with other settings`,
      {
        where: output,
        hint: 'pass another --out, or --fresh to replace it',
      },
    );
  }
  for (const path of left) await rm(path, { recursive: true, force: true });
  await writeFileAtomic(digestFile, `${stage.digest}\n`);
}

/** The output itself and what the stage keeps beside it under the same name and an extension, such as `x.jsonl.state`. */
async function remains(path: string): Promise<string[]> {
  const name = basename(path);
  const siblings = await readdir(dirname(path)).catch(() => []);
  return siblings
    .filter((entry) => entry === name || entry.startsWith(`${name}.`))
    .map((entry) => join(dirname(path), entry));
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(resolve(directory) + sep);
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
