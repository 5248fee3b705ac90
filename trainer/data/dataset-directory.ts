import { readdir, readFile } from 'node:fs/promises';
import { basename, join, matchesGlob, relative, sep } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { inSavedOrder, savedFiles } from './saved-dataset.ts';
import { unpackedName } from './unpack.ts';

/** Which files of a data set directory are meant. */
export interface Selection {
  readonly config?: string | undefined;
  readonly split?: string | undefined;
  /** Taken where no split is named, the first that is there; a directory's only split in any case. */
  readonly preferred: readonly string[];
}

/** Files by split, by configuration. */
export type DataFiles = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/**
 * The data files of a directory as the Hugging Face hub has them, in order of their names, or as `save_to_disk` wrote it, in its order.
 *
 * @throws CftError InvalidArgument for a configuration or split that is not there or not named where there are several; EmptyDataset; CorruptFile
 */
export async function dataFiles(dir: string, selection: Selection): Promise<string[]> {
  const names = await filesBelow(dir);
  const card = names.includes('README.md') ? await readFile(join(dir, 'README.md'), 'utf8') : undefined;
  const selected = await inSavedOrder(dir, selectFiles(names, card, selection, dir));
  return selected.map((name) => join(dir, ...name.split('/')));
}

/**
 * The names of the files of a split: the folders that `save_to_disk` wrote, else what README.md says in its `configs`, else by the words train, validation and test in the names of files and
 * folders, other folders being configurations.
 *
 * @param names of all files, with `/`
 * @param card text of README.md
 * @param where the data set, for errors
 */
export function selectFiles(
  names: readonly string[],
  card: string | undefined,
  { config, split, preferred }: Selection,
  where: string,
): string[] {
  const found = savedFiles(names) ?? declared(names, card) ?? byName(names);
  if (found.size === 0) {
    throw new CftError('EmptyDataset', 'the directory has no data files', {
      where,
      hint: 'data files end in .parquet, .arrow, .jsonl, .json or .csv',
    });
  }
  const splits = choose(found, 'config', config, ['default'], where);
  return [...choose(splits, 'split', split, preferred, where)].sort();
}

function choose<T>(
  found: ReadonlyMap<string, T>,
  what: 'config' | 'split',
  named: string | undefined,
  preferred: readonly string[],
  where: string,
): T {
  const names = [...found.keys()];
  const name = named ?? (names.length === 1 ? names[0] : preferred.find((candidate) => found.has(candidate)));
  const chosen = name === undefined ? undefined : found.get(name);
  if (chosen !== undefined) return chosen;
  const has = `the data set has the ${what}s ${names.join(', ')}`;
  throw new CftError('InvalidArgument', name === undefined ? `${has}: say which one` : `${has}, not ${name}`, {
    where,
    hint: `set ${what} to one of them`,
  });
}

const Paths = z.union([z.string(), z.array(z.string())]).transform((paths) => [paths].flat());
const Card = z.object({
  configs: z.array(
    z.object({
      config_name: z.string().default('default'),
      data_dir: z.string().optional(),
      data_files: z
        .union([
          z.array(z.object({ split: z.string(), path: Paths })),
          Paths.transform((path) => [{ split: 'train', path }]),
        ])
        .optional(),
    }),
  ),
});

/** The files that the front matter of the data set's card lists. */
function declared(names: readonly string[], card: string | undefined): DataFiles | undefined {
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card ?? '')?.[1];
  if (front === undefined) return undefined;
  const parsed = Card.safeParse(parse(front, { logLevel: 'error' }));
  if (!parsed.success) return undefined;
  const configs = parsed.data.configs.map(({ config_name, data_dir, data_files }) => {
    if (data_files === undefined) {
      const below = names.filter((name) => data_dir === undefined || name.startsWith(`${data_dir}/`));
      return [config_name, new Map([...byName(below).values()].flatMap((splits) => [...splits]))] as const;
    }
    const splits = data_files.map(({ split, path }) => {
      const patterns = path.map((pattern) => (data_dir === undefined ? pattern : `${data_dir}/${pattern}`));
      return [split, names.filter((name) => patterns.some((pattern) => matchesGlob(name, pattern)))] as const;
    });
    return [config_name, new Map(splits.filter(([, files]) => files.length > 0))] as const;
  });
  const filled = configs.filter(([, splits]) => splits.size > 0);
  return filled.length === 0 ? undefined : new Map(filled);
}

const SPLITS: readonly (readonly [string, RegExp])[] = [
  ['train', /(?:^|[-._ /])train(?:ing)?(?:[-._ /]|$)/],
  ['validation', /(?:^|[-._ /])(?:validation|valid|val|dev)(?:[-._ /]|$)/],
  ['test', /(?:^|[-._ /])(?:test|testing|eval|evaluation)(?:[-._ /]|$)/],
];
const DATA = /\.(?:parquet|arrow|jsonl|json|csv|tsv)$/;
const NO_DATA = /^(?:dataset_infos?|dataset_dict|state|metadata|config|package(?:-lock)?)\.json$/;

function byName(names: readonly string[]): DataFiles {
  const found = new Map<string, Map<string, string[]>>();
  for (const name of names) {
    if (!DATA.test(unpackedName(name)) || NO_DATA.test(basename(name))) continue;
    const split = SPLITS.find(([, pattern]) => pattern.test(name.toLowerCase()))?.[0] ?? 'train';
    const folder = name.includes('/') ? (name.split('/')[0] as string) : 'data';
    const isConfig = folder !== 'data' && !SPLITS.some(([, pattern]) => pattern.test(folder.toLowerCase()));
    const config = isConfig ? folder : 'default';
    const splits = found.get(config) ?? new Map<string, string[]>();
    found.set(config, splits.set(split, [...(splits.get(split) ?? []), name]));
  }
  return found;
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => !name.split('/').some((part) => part.startsWith('.')));
}
