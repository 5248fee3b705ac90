import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Stage, StageResult } from '../../crds/stage.ts';

/** A stage's own directory: stage.json, result.json, log.jsonl, and while it runs lock and endpoint.json. */
export function stageDirectory(stage: Pick<Stage, 'runDir' | 'name'>): string {
  return join(stage.runDir, 'stages', stage.name);
}

/** The result that a stage has left; undefined if there is none, or it was made with other settings. */
export async function readResult(stage: Stage): Promise<StageResult | undefined> {
  const value = await readJson(join(stageDirectory(stage), 'result.json'));
  const parsed = StageResult.safeParse(value);
  return parsed.success && parsed.data.digest === stage.digest ? parsed.data : undefined;
}

/** Removes the result of an earlier attempt, so that what is found later is of the next one. */
export async function forgetResult(stage: Stage): Promise<void> {
  await rm(join(stageDirectory(stage), 'result.json'), { force: true });
}

/** The value of a JSON file; undefined if there is none that can be read. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The last `bytes` of a text file, from a line's beginning; empty if it cannot be read. */
export async function readTail(path: string, bytes: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    return (start === 0 ? text : text.slice(text.indexOf('\n') + 1)).trimEnd();
  } finally {
    await file.close();
  }
}
