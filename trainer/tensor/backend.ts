import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, constants } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { positiveInteger, tensorflowEnvironment } from './backend-environment.ts';
import { addonPackageDir, addonPaths, readSetupState } from './backend-state.ts';
import { findKernels } from './kernels.ts';
import type { NodeBackend } from './node-backend.ts';
import { tf } from './tf.ts';

const require = createRequire(import.meta.url);

export interface BackendOptions {
  /** `auto` (the default) takes TensorFlow where the set-up could get it, and wasm elsewhere. */
  readonly backend?: 'auto' | 'tensorflow' | 'wasm';
  /** CPU threads; by default the cores that this process may use. wasm in Node has one. Fixed once TensorFlow is loaded. */
  readonly threads?: number;
  readonly xla?: boolean;
  /** Whether programs may use the ops of trainer/kernels, where this processor can. Default true. */
  readonly kernels?: boolean;
  /** Told once if the backend is the slow one. */
  readonly warn?: (message: string) => void;
}

/** The active tfjs backend: where tensors live and ops run. */
export interface Backend {
  readonly name: 'tensorflow' | 'wasm';
  readonly device: 'cpu' | 'gpu';
  readonly tensorflowVersion: string | undefined;
  readonly threads: number;
  /** Whether programs use the ops of trainer/kernels. */
  readonly kernels: boolean;
  readonly tf: typeof tf;
  /** Why it is not TensorFlow, where that was wanted. */
  readonly reason: string | undefined;
}

/**
 * The options that the user gave through the environment: `CFT_BACKEND=auto|tensorflow|wasm`, `CFT_THREADS=N`, `CFT_XLA=1`, `CFT_KERNELS=0`.
 * For entry points; nothing below them reads the environment.
 *
 * @throws CftError `InvalidArgument` for other values
 */
export function backendOptions(env: Readonly<Record<string, string | undefined>>): BackendOptions {
  const backend = env.CFT_BACKEND || 'auto';
  if (backend !== 'auto' && backend !== 'tensorflow' && backend !== 'wasm') {
    throw new CftError('InvalidArgument', `CFT_BACKEND is "${backend}"`, {
      where: 'environment',
      value: backend,
      hint: 'set it to auto, tensorflow or wasm',
    });
  }
  const threads = positiveInteger(env.CFT_THREADS);
  if (env.CFT_THREADS && threads === undefined) {
    throw new CftError('InvalidArgument', `CFT_THREADS is "${env.CFT_THREADS}"`, {
      where: 'environment',
      value: env.CFT_THREADS,
      hint: 'set it to a whole number of at least 1, or not at all',
    });
  }
  const kernels = env.CFT_KERNELS !== '0';
  return { backend, xla: env.CFT_XLA === '1', kernels, ...(threads === undefined ? {} : { threads }) };
}

/**
 * Makes a backend the active one of `tf`. Costs 0.5 to 1 s the first time. Must run in the main thread: a worker's environment
 * does not reach TensorFlow.
 *
 * @throws CftError `BackendUnavailable` if `backend: 'tensorflow'` was asked for and cannot be had, or no backend loads at all
 */
export async function loadBackend(options: BackendOptions = {}): Promise<Backend> {
  if (options.backend === 'wasm') return loadWasm(undefined, options);
  try {
    return await loadTensorflow(options);
  } catch (cause) {
    const error = cause instanceof CftError ? cause : unavailable(messageOf(cause), cause);
    if (options.backend === 'tensorflow') throw error;
    return loadWasm(error.message, options);
  }
}

async function loadTensorflow(options: BackendOptions): Promise<Backend> {
  const packageDir = addonPackageDir();
  const { addon, quiet } = addonPaths(packageDir);
  const state = readSetupState();
  if (state?.tensorflow.variant === 'none')
    throw unavailable(`the set-up went without TensorFlow: ${state.tensorflow.reason}`);
  if (!existsSync(addon)) throw unavailable('the TensorFlow addon has not been built');
  Object.assign(
    process.env,
    tensorflowEnvironment(
      { threads: options.threads ?? availableParallelism(), xla: options.xla ?? false },
      process.env,
    ),
  );
  if (existsSync(quiet) && Number(process.env.TF_CPP_MIN_LOG_LEVEL) >= 1) loadOpenly(quiet);
  require('@tensorflow/tfjs-node-gpu');
  await tf.setBackend('tensorflow');
  await tf.ready();
  const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean; binding: { TF_Version: string } };
  return {
    name: 'tensorflow',
    device: backend.isUsingGpuDevice ? 'gpu' : 'cpu',
    tensorflowVersion: backend.binding.TF_Version,
    threads: positiveInteger(process.env.TF_NUM_INTRAOP_THREADS) ?? availableParallelism(),
    kernels: options.kernels !== false && findKernels(tf.backend() as NodeBackend) !== undefined,
    tf,
    reason: undefined,
  };
}

/** Loads an addon so that libraries loaded later find its symbols first. */
function loadOpenly(path: string): void {
  process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL);
}

async function loadWasm(reason: string | undefined, options: BackendOptions): Promise<Backend> {
  try {
    const wasm = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void };
    wasm.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist') + sep);
    if (!(await tf.setBackend('wasm'))) throw new Error('tfjs could not start its wasm backend');
  } catch (cause) {
    throw unavailable(`the wasm backend does not load: ${messageOf(cause)}`, cause);
  }
  options.warn?.(
    `${reason === undefined ? '' : `TensorFlow is not available: ${reason}. `}Computing with the wasm backend, which is many times slower.`,
  );
  return { name: 'wasm', device: 'cpu', tensorflowVersion: undefined, threads: 1, kernels: false, tf, reason };
}

function unavailable(message: string, cause?: unknown): CftError {
  return new CftError('BackendUnavailable', message, {
    where: 'TensorFlow backend',
    hint: 'run `npm run setup`, then `npx cft doctor`; or go on slowly with CFT_BACKEND=wasm',
    cause,
  });
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? message;
}
