import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLocalSource, sourcesIn } from './source.ts';
import type { Stage } from './stage.ts';
import { canonicalJson } from './stage-digest.ts';

/** Files above this size (bytes) count by size and time of change: hashing tens of gigabytes of weights would take minutes. */
const HASHED_WHOLE = 256 * 1024 * 1024;

/**
 * Digest of what lies at a path: a file's content, or the names and contents of a directory's files (not of its folders). Something
 * that cannot be read counts as absent: the stage that needs it will say so.
 */
export async function fingerprint(path: string): Promise<string> {
  const hash = createHash('sha256');
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    for (const name of (await readdir(path)).sort()) {
      if ((await stat(join(path, name)).catch(() => undefined))?.isFile() !== true) continue;
      hash.update(`${JSON.stringify(name)}\n`);
      await addFile(hash, join(path, name));
    }
  } else if (found?.isFile()) await addFile(hash, path);
  return hash.digest('hex');
}

async function addFile(hash: Hash, path: string): Promise<void> {
  const { size, mtimeMs } = await stat(path);
  hash.update(`${size}\n`);
  if (size > HASHED_WHOLE) hash.update(`${mtimeMs}\n`);
  else for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
}

/**
 * The stages with digests that also cover what lies at their local sources, so that a changed data file or model makes the stages that
 * read it, and those after them, run again. Stages come after those they depend on, as `planStages` gives them.
 */
export async function withInputDigests(stages: readonly Stage[]): Promise<Stage[]> {
  const prints = new Map<string, string>();
  for (const source of new Set(stages.flatMap(localSources))) prints.set(source, await fingerprint(source));
  const digests = new Map<string, string>();
  return stages.map((stage) => {
    const inputs = localSources(stage).map((source) => prints.get(source));
    const content = canonicalJson([stage.digest, inputs, stage.dependsOn.map((name) => digests.get(name))]);
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    digests.set(stage.name, digest);
    return { ...stage, digest };
  });
}

/** The local paths among a stage's sources. */
function localSources({ params }: Stage): string[] {
  return sourcesIn(params)
    .map(({ source }) => source)
    .filter(isLocalSource);
}
