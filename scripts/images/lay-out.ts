import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { addonPackageDir, addonPaths, readSetupState, type SetupState } from '../../trainer/tensor/backend-state.ts';
import { CONTENTS, filesUnder, HOME, isForDevelopers, sourceFiles, type Target } from './contents.ts';
import { importedPackages, installedPackages, packageClosure } from './packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ADDON = 'node_modules/@tensorflow/tfjs-node-gpu';

/** The parts of an image, each a layer: what seldom changes comes first. */
export const PARTS = ['packages', 'project'] as const;

/**
 * Lays the files of an image out in `<folder>/packages` and `<folder>/project`, both as seen from the image's root. Files are links to
 * those of the checkout where the disk allows it.
 *
 * @throws if the set-up has not been run, or went without TensorFlow for an image that needs it
 */
export function layOut(target: Target, folder: string): void {
  const [packages, project] = PARTS.map((part) => join(folder, part)) as [string, string];
  const sources = sourceFiles(ROOT, target);
  for (const path of sources) place(join(ROOT, path), join(project, HOME, path));
  layOutPackages(sources, join(packages, HOME));
  layOutNode(packages);
  const tensorflow = CONTENTS[target].tensorflow ? layOutTensorflow(join(packages, HOME)) : without(target);
  write(join(packages, HOME, 'node_modules/.cft/setup.json'), { cache: '/tmp', tensorflow });
  link(`/${HOME}/bin/cft`, join(project, 'usr/local/bin/cft'));
}

function layOutPackages(sources: readonly string[], home: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const texts = sources.filter((path) => path.endsWith('.ts')).map((path) => readFileSync(join(ROOT, path), 'utf8'));
  const wanted = importedPackages(texts).filter((name) => name in dependencies);
  for (const folder of packageClosure(installedPackages(ROOT), wanted)) {
    const isOwn = (path: string) => !path.startsWith(join(folder, 'node_modules/'));
    // What the set-up put there is laid out by itself.
    const isSetUp = (path: string) => path === `${ADDON}/deps` || path.startsWith(`${ADDON}/lib/napi-v8/`);
    for (const path of filesUnder(ROOT, folder)) {
      if (isOwn(path) && !isForDevelopers(path) && !isSetUp(path)) place(join(ROOT, path), join(home, path));
    }
  }
}

/** The Node that runs the project, without its headers. */
function layOutNode(root: string): void {
  const program = 'node_modules/.bin/node';
  const node = existsSync(join(ROOT, program)) ? join(ROOT, program) : process.execPath;
  place(realpathSync(node), join(root, HOME, program));
  link(`/${HOME}/${program}`, join(root, 'usr/local/bin/node'));
}

/** TensorFlow's libraries and the addons, where the set-up put links to them. */
function layOutTensorflow(home: string): SetupState['tensorflow'] {
  const state = readSetupState(ROOT)?.tensorflow;
  if (state === undefined || state.variant === 'none')
    throw new Error('the trainer needs TensorFlow: run `CFT_TENSORFLOW=gpu npm run setup`, or cpu');
  const to = addonPaths(ADDON);
  const from = addonPaths(addonPackageDir(ROOT));
  place(from.addon, join(home, to.addon));
  for (const addon of ['quiet', 'kernels'] as const)
    if (existsSync(from[addon])) place(from[addon], join(home, to[addon]));
  for (const part of ['lib', 'nvidia', 'THIRD_PARTY_NOTICES.txt'].filter((name) =>
    existsSync(join(state.home, name)),
  )) {
    for (const path of filesUnder(state.home, part)) place(join(state.home, path), join(home, ADDON, 'deps', path));
  }
  return { ...state, home: `/${HOME}/${ADDON}/deps` };
}

function without(target: Target): SetupState['tensorflow'] {
  return { variant: 'none', reason: `the image of the ${target} has none`, remedy: 'use the image of the trainer' };
}

/** Puts a file there, as a hard link where both are on one disk. A link stays a link. */
function place(from: string, to: string): void {
  if (lstatSync(from).isSymbolicLink()) {
    link(readlinkSync(from), to);
    return;
  }
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyFileSync(from, to);
  }
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
