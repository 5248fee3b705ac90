// The larger part of the set-up, on the project's own Node; started by scripts/setup.mjs, which holds the lock. With `--check` it
// changes nothing and exits with 0 if nothing is to be done, 3 otherwise.
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  addonPackageDir,
  readSetupState,
  type SetupState,
  setupStatePath,
} from '../../trainer/tensor/backend-state.ts';
import { addonKey, compileAddon, hasAddon, isLinked, linkAddon } from './addon.ts';
import { cacheDir } from './cache.mjs';
import { run } from './process.mjs';
import { describe, report, SetupFailure, say, step } from './report.mjs';
import { fetchTensorflow, hasTensorflow, tensorflowHome } from './tensorflow.ts';
import { type Choice, chooseVariant, thisMachine } from './variant.ts';
import { wheels } from './wheels.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const cache = cacheDir(process.env);

/** Whether the last set-up did all that this one would do. */
function isCurrent(choice: Choice): boolean {
  const state = readSetupState(root);
  if (state === undefined || !existsSync(commandLink())) return false;
  if (choice.variant === 'none')
    return state.tensorflow.variant === 'none' && state.tensorflow.reason === choice.reason;
  const packageDir = addonPackageDir(root);
  const home = tensorflowHome(cache, choice.variant, choice.arch);
  return (
    state.tensorflow.variant === choice.variant &&
    state.tensorflow.addon === addonKey(packageDir, home) &&
    hasTensorflow(home) &&
    isLinked(packageDir, home)
  );
}

async function installTensorflow(choice: Exclude<Choice, { variant: 'none' }>): Promise<SetupState['tensorflow']> {
  const { variant, arch } = choice;
  const packageDir = addonPackageDir(root);
  const home = tensorflowHome(cache, variant, arch);
  const addon = addonKey(packageDir, home);
  if (!hasTensorflow(home)) await fetchTensorflow(home, variant, arch);
  if (!hasAddon(home, addon)) await step('addon', 'compile', () => compileAddon(packageDir, home, addon, root));
  // From here on the word of the last set-up, which ends it, may not hold.
  rmSync(setupStatePath(root), { force: true });
  linkAddon(packageDir, home, addon);
  await probe();
  return { variant, version: wheels.version, home, addon };
}

/** Loads TensorFlow once, in a process of its own: it may crash on a processor without AVX. */
async function probe(): Promise<void> {
  const { status, signal, stderr } = await run(process.execPath, [join(root, 'scripts/setup/probe.ts')], {
    env: { ...process.env, CFT_BACKEND: 'tensorflow' },
  });
  if (status === 0) return;
  throw new SetupFailure(
    `TensorFlow does not run on this machine${signal === null ? '' : ` (${signal})`}`,
    'see the message above; its processor may lack AVX, or a library may be missing. CFT_TENSORFLOW=none goes on without it',
    stderr,
  );
}

/** TensorFlow as chosen; where it cannot be had and was not asked for by name, word of why not. */
async function tensorflow(choice: Choice): Promise<SetupState['tensorflow']> {
  if (choice.variant === 'none') return choice;
  try {
    return await installTensorflow(choice);
  } catch (error) {
    if (choice.explicit || !(error instanceof SetupFailure)) throw error;
    process.stderr.write(`${describe(error).replace('set-up failed', 'no TensorFlow')}\n`);
    return { variant: 'none', reason: error.message, remedy: error.hint };
  }
}

function commandLink(): string {
  return join(root, 'node_modules/.bin/cft');
}

/** Makes `npx cft` find the command of this checkout at once. */
function linkCommand(): void {
  const part = `${commandLink()}.part`;
  rmSync(part, { force: true });
  symlinkSync('../../bin/cft', part);
  renameSync(part, commandLink());
  chmodSync(join(root, 'bin/cft'), 0o755);
}

function writeState(state: SetupState): void {
  const path = setupStatePath(root);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${path}.part`, path);
}

async function main(checkOnly: boolean): Promise<number> {
  const choice = chooseVariant(thisMachine(), process.env.CFT_TENSORFLOW);
  if (isCurrent(choice)) return 0;
  if (checkOnly) return 3;
  linkCommand();
  mkdirSync(cache, { recursive: true });
  const outcome = await tensorflow(choice);
  writeState({ cache, tensorflow: outcome });
  say(
    'ready',
    outcome.variant === 'none'
      ? `without TensorFlow (${outcome.reason}): the wasm backend computes, many times slower`
      : `Node ${process.versions.node}, TensorFlow ${outcome.version} for ${outcome.variant}`,
  );
  return 0;
}

const checkOnly = process.argv.includes('--check');
try {
  process.exitCode = await main(checkOnly);
} catch (error) {
  // A check that fails is followed by the set-up itself, which will tell.
  if (!checkOnly) report(error);
  process.exitCode = 1;
}
