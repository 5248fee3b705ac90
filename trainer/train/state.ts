import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import type { Logger } from '../stages/context.ts';
import type { TypedArray, Variable } from '../tensor/session.ts';
import { loadCheckpoint, saveCheckpoint, type TrainState } from './checkpoint.ts';
import type { Validation } from './validation.ts';

/** The best validated weights so far, on the host. */
export interface BestWeights {
  readonly step: number;
  readonly validation: Validation;
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** Counters of a training; see TrainState. */
export type Counters = Pick<TrainState, 'step' | 'updates' | 'skippedSteps' | 'tokensTrained'>;

/** A training's state between session and disk. */
export interface StateStore {
  /** Where to go on: from the start, or from the checkpoint, whose tensors are in the session then. */
  readonly resumed: Counters & { readonly logBytes: number };
  readonly best: BestWeights | undefined;
  /** Writes a checkpoint of the session's present state. */
  save(counters: Counters, logBytes: number, best: BestWeights | undefined): Promise<void>;
  /** A copy of the trained weights. */
  weights(): Map<string, Float32Array>;
  /** Puts weights back into the session. */
  restore(weights: ReadonlyMap<string, Float32Array>): void;
}

/**
 * Finds the checkpoint in `<dir>/checkpoint` and loads it. One that belongs to other settings or data is left out, with a warning,
 * and replaced by the next.
 *
 * @param trained   the weights that training changes
 * @param optimizer moments
 * @throws CftError CorruptFile
 */
export async function openState(
  trained: ReadonlyMap<string, Variable>,
  optimizer: ReadonlyMap<string, Variable>,
  options: { readonly dir: string; readonly fingerprint: string; readonly logger: Logger },
): Promise<StateStore> {
  const dir = join(options.dir, 'checkpoint');
  const all = new Map([...trained, ...optimizer]);
  const load = (values: ReadonlyMap<string, Float32Array>, into: ReadonlyMap<string, Variable>) => {
    for (const [name, variable] of into) variable.load(tensorOf(values, name, dir));
  };

  const found = await loadCheckpoint(dir, options.fingerprint);
  if (found.kind === 'other')
    options.logger.warn('the checkpoint belongs to other settings or data: training starts anew', { dir });
  const checkpoint = found.kind === 'found' ? found.checkpoint : undefined;
  if (checkpoint !== undefined) load(checkpoint.tensors, all);
  const { best = null, ...resumed } = checkpoint?.state ?? FRESH;
  return {
    resumed,
    best: best === null ? undefined : { ...best, weights: checkpoint?.best ?? new Map() },
    save: (counters, logBytes, best) =>
      saveCheckpoint(
        dir,
        options.fingerprint,
        { ...counters, logBytes, best: best === undefined ? null : { step: best.step, validation: best.validation } },
        sources((name) => all.get(name)?.values(), all),
        best === undefined ? undefined : sources((name) => best.weights.get(name), trained),
      ),
    weights: () => new Map([...trained].map(([name, variable]) => [name, variable.values() as Float32Array])),
    restore: (weights) => load(weights, trained),
  };
}

/** A short name for settings and data, to tell whether a checkpoint belongs to them. */
export function fingerprintOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

const FRESH = { step: 0, updates: 0, skippedSteps: 0, tokensTrained: 0, logBytes: 0, best: null } satisfies TrainState;

/** For a file: each tensor's values are asked for when it is written. */
function sources(find: (name: string) => TypedArray | undefined, variables: ReadonlyMap<string, Variable>) {
  return [...variables].map(([name, { shape }]) => ({ name, shape, values: () => find(name) as Float32Array }));
}

function tensorOf(values: ReadonlyMap<string, Float32Array>, name: string, where: string): Float32Array {
  const value = values.get(name);
  if (value !== undefined) return value;
  throw new CftError('CorruptFile', `the checkpoint lacks "${name}"`, {
    where,
    hint: 'remove the checkpoint directory to train from the start',
  });
}
