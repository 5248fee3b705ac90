import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Stage, StageResult } from '../../crds/stage.ts';
import { stageDirectory } from './run-stage.ts';

/** The result of a stage that was done before with the same settings and input; undefined if there is none. */
export async function finishedResult(stage: Stage): Promise<StageResult | undefined> {
  const text = await readFile(join(stageDirectory(stage), 'result.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = StageResult.safeParse(parseJson(text));
  return parsed.success && parsed.data.digest === stage.digest && parsed.data.status === 'succeeded'
    ? parsed.data
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
