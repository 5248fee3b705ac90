import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const Tensorflow = z.discriminatedUnion('variant', [
  z.object({
    variant: z.enum(['cpu', 'gpu']),
    version: z.string(),
    /** Folder with the headers and libraries, outside the checkout. */
    home: z.string(),
    /** Identifies sources, flags and libraries that the addon was built from. */
    addon: z.string(),
  }),
  z.object({ variant: z.literal('none'), reason: z.string(), remedy: z.string().optional() }),
]);

/** What the set-up did; it writes this file last. */
const SetupState = z.object({ cache: z.string(), tensorflow: Tensorflow });

export type SetupState = z.infer<typeof SetupState>;

/** The folder that holds package.json. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Where the set-up leaves word of what it did. It goes with node_modules, as what it tells of does. */
export function setupStatePath(root: string = projectRoot): string {
  return join(root, 'node_modules/.cft/setup.json');
}

/** What the last complete set-up did, or undefined where there was none or its word cannot be read. */
export function readSetupState(root: string = projectRoot): SetupState | undefined {
  try {
    return SetupState.parse(JSON.parse(readFileSync(setupStatePath(root), 'utf8')));
  } catch {
    return undefined;
  }
}

/** The folder of tfjs-node-gpu, into which the set-up puts `deps` (TensorFlow) and `lib` (the addon). */
export function addonPackageDir(root: string = projectRoot): string {
  return dirname(createRequire(join(root, 'package.json')).resolve('@tensorflow/tfjs-node-gpu/package.json'));
}

/** Where the addon lies that the package loads, the small one that keeps TensorFlow's start quiet, and the one with our own ops. */
export function addonPaths(packageDir: string): {
  readonly addon: string;
  readonly quiet: string;
  readonly kernels: string;
} {
  const dir = join(packageDir, 'lib/napi-v8');
  return {
    addon: join(dir, 'tfjs_binding.node'),
    quiet: join(dir, 'quiet_start.node'),
    kernels: join(dir, 'kernels.node'),
  };
}
