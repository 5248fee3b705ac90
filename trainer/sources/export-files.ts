import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of a run that is copied elsewhere. */
export interface ExportFile {
  /** Relative to the run's directory, with `/`. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** What others need of a run's directory; checkpoints, logs of stages and fetched sources stay. */
const EXPORTED =
  /^(?:run\.json$|report\/|evaluate\/|annotations\/|train\/[^/]+\/(?:model\/|adapter\/|result\.json$|log\.jsonl$))/;
const HIDDEN = /(?:^|\/)\./;

/** Feeds a file's bytes to a digest. */
export async function digestFile<T extends { update(bytes: Uint8Array): unknown }>(
  path: string,
  digest: T,
): Promise<T> {
  for await (const bytes of createReadStream(path)) digest.update(bytes as Uint8Array);
  return digest;
}

/** The files of a run that are copied elsewhere, in order of their names. */
export async function exportedFiles(runDir: string): Promise<ExportFile[]> {
  const entries = await readdir(runDir, { recursive: true });
  const names = entries
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => EXPORTED.test(name) && !HIDDEN.test(name))
    .sort();
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(runDir, name);
      const found = await stat(path);
      return found.isFile() ? [{ name, path, size: found.size }] : [];
    }),
  );
  return files.flat();
}
