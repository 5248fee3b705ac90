import { readFile } from 'node:fs/promises';
import { CftError } from '../../crds/errors.ts';
import { formatProblem, problemsOf } from '../../crds/problem.ts';
import { Stage } from '../../crds/stage.ts';

/**
 * Reads the JSON file that an executor wrote for one stage.
 *
 * @throws CftError FileNotFound, CorruptFile if it is not JSON, InvalidArgument with each wrong field if it is not a stage
 */
export async function readStage(path: string): Promise<Stage> {
  const value = parseJson(await readText(path), path);
  const parsed = Stage.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(Stage, value, parsed.error.issues).map((problem) => `\n  ${formatProblem(problem)}`);
  throw new CftError('InvalidArgument', `not a stage:${problems.join('')}`, {
    where: path,
    hint: 'let `cft run` write it: the file is made by the same version that reads it',
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CftError('FileNotFound', 'cannot read the stage file', {
      where: path,
      hint: 'pass the path of a stage.json',
      cause,
    });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CftError('CorruptFile', 'the stage file is not JSON', {
      where: path,
      hint: 'let `cft run` write it again',
      cause,
    });
  }
}
