import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../crds/files.ts';

/**
 * Fills a directory that appears under its name only when it is complete. A directory that was there is replaced. What an
 * interrupted call left behind (`<dir>.partial`) the next one removes.
 *
 * @param fill writes the files into the directory whose path it is given
 */
export async function writeDirectory(dir: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${dir}.partial`;
  const replaced = `${dir}.replaced`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await rm(replaced, { recursive: true, force: true });
  if (await isDirectory(dir)) await rename(dir, replaced);
  await rename(temporary, dir);
  await syncDirectory(dirname(dir));
  await rm(replaced, { recursive: true, force: true });
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
