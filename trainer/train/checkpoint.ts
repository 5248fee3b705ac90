import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import { writeDirectory } from '../model/directory.ts';
import { readHeader, readTensor } from '../model/safetensors.ts';
import { type TensorSource, writeSafetensors } from '../model/safetensors-write.ts';

const measured = z.number().nullable();

const stateSchema = z.strictObject({
  version: z.literal(1),
  /** Of the settings and the data: another one, another training. */
  fingerprint: z.string(),
  /** Optimizer steps done, skipped ones included: where in the data to go on. Orders and dropout follow from it and the seed. */
  step: z.int().nonnegative(),
  /** Updates done: what Adam's bias correction counts. */
  updates: z.int().nonnegative(),
  skippedSteps: z.int().nonnegative(),
  tokensTrained: z.int().nonnegative(),
  logBytes: z.int().nonnegative(),
  best: z
    .strictObject({
      step: z.int().nonnegative(),
      validation: z.strictObject({ loss: measured, accuracy: measured, entropy: measured }),
    })
    .nullable(),
});

/** Everything of a training's state that is not a tensor. */
export type TrainState = Omit<z.output<typeof stateSchema>, 'version' | 'fingerprint'>;

/** A training's state at the end of a step. */
export interface Checkpoint {
  readonly state: TrainState;
  /** Trained weights and optimizer moments. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Weights of the best validation so far, if there was one. */
  readonly best: ReadonlyMap<string, Float32Array> | undefined;
}

export type FoundCheckpoint =
  | { readonly kind: 'none' }
  | { readonly kind: 'other' }
  | { readonly kind: 'found'; readonly checkpoint: Checkpoint };

const STEP_DIRECTORY = /^step-(\d+)$/;
const STATE = 'state.json';
const TENSORS = 'state.safetensors';
const BEST = 'best.safetensors';

/**
 * Writes a checkpoint as a directory of its own, `<dir>/step-00000050`, which appears whole or not at all; then removes the one before.
 * So a kill at any moment leaves the old one, the new one, or both, of which the newer counts.
 *
 * @throws CftError DiskFull; the checkpoint before is kept
 */
export async function saveCheckpoint(
  dir: string,
  fingerprint: string,
  state: TrainState,
  tensors: readonly TensorSource[],
  best: readonly TensorSource[] | undefined,
): Promise<void> {
  const name = `step-${String(state.step).padStart(8, '0')}`;
  await writeDirectory(join(dir, name), async (temporary) => {
    await writeSafetensors(join(temporary, TENSORS), tensors);
    if (best !== undefined) await writeSafetensors(join(temporary, BEST), best);
    await writeJsonAtomic(join(temporary, STATE), { version: 1, fingerprint, ...state });
  });
  for (const other of await list(dir)) if (other !== name) await remove(join(dir, other));
}

/**
 * The newest whole checkpoint: `other` if it belongs to another training.
 *
 * @throws CftError CorruptFile if its files are damaged
 */
export async function loadCheckpoint(dir: string, fingerprint: string): Promise<FoundCheckpoint> {
  const newest = (await list(dir))
    .filter((name) => STEP_DIRECTORY.test(name))
    .sort()
    .at(-1);
  if (newest === undefined) return { kind: 'none' };
  const path = join(dir, newest);
  const { version: _, fingerprint: found, ...state } = await readState(join(path, STATE));
  if (found !== fingerprint) return { kind: 'other' };
  const tensors = await readTensors(join(path, TENSORS));
  const best = state.best === null ? undefined : await readTensors(join(path, BEST));
  return { kind: 'found', checkpoint: { state, tensors, best } };
}

/** Removes all checkpoints: the training they belong to is finished. */
export async function removeCheckpoints(dir: string): Promise<void> {
  await remove(dir);
}

async function readState(path: string): Promise<z.output<typeof stateSchema>> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new CftError('CorruptFile', 'the state of the checkpoint cannot be read', {
      where: path,
      hint: 'remove the checkpoint directory to train from the start',
      cause,
    });
  }
}

async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await readHeader(path);
  const values = new Map<string, Float32Array>();
  for (const [name, entry] of tensors) values.set(name, await readTensor(entry));
  return values;
}

async function list(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
