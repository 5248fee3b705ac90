import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The images of the project, and the names of their stages in the Dockerfile. */
export const TARGETS = ['operator', 'trainer'] as const;
export type Target = (typeof TARGETS)[number];

/** Where the project lies in an image, as in a checkout. */
export const HOME = 'opt/cft';

/** What goes into an image: the Dockerfile and build.ts both take it from here. The packages are those that the sources import. */
interface Contents {
  /** Files and folders of the checkout. */
  readonly sources: readonly string[];
  readonly tensorflow: boolean;
}

const EXAMPLE = 'examples/gsm8k-equations';

export const CONTENTS: Readonly<Record<Target, Contents>> = {
  operator: { sources: ['package.json', 'bin', 'crds', 'operator'], tensorflow: false },
  trainer: {
    sources: [
      ...['package.json', 'bin', 'crds', 'operator', 'trainer'],
      // The example, so that a cluster has data and a model to start with.
      ...['cftrun.yaml', 'model', 'train.jsonl', 'test.jsonl', 'LICENSE-GSM8K'].map((name) => `${EXAMPLE}/${name}`),
    ],
    tensorflow: true,
  },
};

/** The files of a target's sources, as sorted paths from `root`. Tests stay behind, and what is compiled. */
export function sourceFiles(root: string, target: Target): string[] {
  return CONTENTS[target].sources
    .flatMap((path) => filesUnder(root, path))
    .filter((path) => !isTest(path) && !/\.(cc|h)$/.test(path));
}

/** Whether a file of a package is for those who program against it or test it. */
export function isForDevelopers(path: string): boolean {
  return /\.(map|[cm]?ts|md)$/.test(path) && !/licen[cs]e|notice/i.test(path);
}

function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)(testing\.ts$|testdata)/.test(path);
}

/** Sorted paths of the files at or under a path, from `root`. */
export function filesUnder(root: string, path: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(join(root, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [path];
    throw error;
  }
  return entries.flatMap((entry) =>
    entry.isDirectory() ? filesUnder(root, join(path, entry.name)) : [join(path, entry.name)],
  );
}

function readEntries(folder: string) {
  return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}
