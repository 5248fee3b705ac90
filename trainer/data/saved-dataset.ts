import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import type { DataFiles } from './dataset-directory.ts';

const STATE = 'state.json';
const State = z.object({ _data_files: z.array(z.object({ filename: z.string() })).min(1) });

/**
 * The data files of directories that `Dataset.save_to_disk` and `DatasetDict.save_to_disk` wrote: a folder with a state.json and .arrow files is a split
 * of that name. Undefined where there is none.
 */
export function savedFiles(names: readonly string[]): DataFiles | undefined {
  const folders = names.filter((name) => posix.basename(name) === STATE).map((name) => posix.dirname(name));
  const found = new Map<string, Map<string, string[]>>();
  for (const folder of folders) {
    const files = names.filter((name) => name.endsWith('.arrow') && posix.dirname(name) === folder);
    if (files.length === 0) continue;
    const split = folder === '.' ? 'train' : posix.basename(folder);
    const above = posix.dirname(folder);
    const config = above === '.' ? 'default' : above;
    found.set(config, (found.get(config) ?? new Map<string, string[]>()).set(split, files));
  }
  return found.size === 0 ? undefined : found;
}

/** The file beside a data file that tells the order of its folder's files. */
export function stateFileOf(name: string): string {
  return posix.join(posix.dirname(name), STATE);
}

/**
 * The files of a split in the order of the state.json beside them, if there is one.
 *
 * @param names of the files, all of one folder, below `dir`
 * @throws CftError CorruptFile for a state.json that can't be read, or lists a file that is not there
 */
export async function inSavedOrder(dir: string, names: readonly string[]): Promise<readonly string[]> {
  const [first] = names;
  if (!first?.endsWith('.arrow')) return names;
  const state = stateFileOf(first);
  const path = join(dir, ...state.split('/'));
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return names;
  const ordered = readState(text, path).map((name) => posix.join(posix.dirname(state), name));
  const missing = ordered.find((name) => !names.includes(name));
  if (missing === undefined) return ordered;
  throw new CftError('CorruptFile', `${STATE} lists ${posix.basename(missing)}, which is not there`, {
    where: path,
    hint: 'the directory was not copied whole: copy it again',
  });
}

function readState(text: string, where: string): string[] {
  try {
    return State.parse(JSON.parse(text))._data_files.map(({ filename }) => filename);
  } catch (cause) {
    throw new CftError('CorruptFile', 'the file does not list the data files as save_to_disk does', {
      where,
      hint: 'it is damaged or was not copied whole: copy the directory again',
      cause,
    });
  }
}
