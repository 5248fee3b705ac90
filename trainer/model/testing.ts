/** What the tests of this room share: reference cases (scripts/reference/model.py) and running a model on them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Session } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { causalAttention } from './causal-attention.ts';
import { decoderHidden, gatherRows, lmHead } from './decoder.ts';
import { type LoadedModel, loadModel } from './load.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { atLength } from './rope.ts';
import { readHeader, readTensor } from './safetensors.ts';

/** `batch` sequences of `time` token ids, flattened. */
export interface Inputs {
  readonly batch: number;
  readonly time: number;
  readonly ids: readonly number[];
}

export const fixtureDir = (name: string) => join(import.meta.dirname, 'testdata', name);

export async function readInputs(dir: string): Promise<Inputs> {
  return JSON.parse(await readFile(join(dir, 'inputs.json'), 'utf8')) as Inputs;
}

/** Fixtures that differ in what is computed, one for each family and a first one for the plain Qwen2; all come with gradients. */
export const FAMILY_FIXTURES = [
  'tied-gqa2',
  'llama3-biases',
  'mistral-window',
  'qwen3-headnorm',
  'olmo2-postnorm',
  'phi3-partial-rotary',
];

/** Reference values by name: `logits`, `loss`, `grad.<weight>`, `greedy`. */
export async function readExpected(dir: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await readHeader(join(dir, 'expected.safetensors'));
  const values = new Map<string, Float32Array>();
  for (const [name, entry] of tensors) values.set(name, await readTensor(entry));
  return values;
}

/** The logits of whole sequences, [batch * time * vocab], through a program of the session. */
export function computeLogits(
  session: Session,
  { config: shortConfig, parameters }: Pick<LoadedModel, 'config' | 'parameters'>,
  { batch, time, ids }: Inputs,
): Float32Array {
  const config = atLength(shortConfig, time);
  const rows = { shape: [batch * time], dtype: 'int32' as const };
  const program = session.program('logits', { ids: rows, positions: rows }, ({ ids, positions }) => {
    const attend = causalAttention(config, batch, time);
    const hidden = decoderHidden(config, parameters, ids as Tensor1D, positions as Tensor1D, attend);
    return { logits: lmHead(config, parameters, hidden) };
  });
  const positions = Int32Array.from(ids, (_, row) => row % time);
  return program.run({ ids: Int32Array.from(ids), positions }).logits as Float32Array;
}

/** Loads a model directory into a new session, and the logits of the inputs from there. */
export async function logitsOf(
  createSession: () => Session,
  dir: string,
  inputs: Inputs,
  wrap: (model: LoadedModel) => Parameters = (model) => model.parameters,
): Promise<Float32Array> {
  const session = createSession();
  try {
    const model = await loadModel(session, dir);
    return computeLogits(session, { config: model.config, parameters: wrap(model) }, inputs);
  } finally {
    session.dispose();
  }
}

/** Mean cross-entropy of each sequence's next tokens, and its gradient with respect to every weight, by name. */
export function lossAndGradients(
  session: Session,
  model: LoadedModel,
  { batch, time, ids }: Inputs,
): Record<string, Float32Array> {
  const config = atLength(model.config, time);
  const names = [...model.variables.keys()];
  const predicting = Array.from({ length: batch * time }, (_, row) => row).filter((row) => row % time < time - 1);
  const rows = { shape: [batch * time], dtype: 'int32' as const };
  const program = session.program('loss', { ids: rows, positions: rows }, ({ ids: rowIds, positions }) => {
    const loss = (...weights: Tensor[]) => {
      const byName = new Map(names.map((name, i) => [name, weights[i] as Tensor]));
      const parameters = parametersOf((name) => byName.get(name));
      const attend = causalAttention(config, batch, time);
      const hidden = decoderHidden(config, parameters, rowIds as Tensor1D, positions as Tensor1D, attend);
      const logits = lmHead(config, parameters, gatherRows(hidden, tf.tensor1d(predicting, 'int32')));
      const targets = tf.oneHot(
        tf.tensor1d(
          predicting.map((row) => ids[row + 1] as number),
          'int32',
        ),
        config.vocabSize,
      );
      const logProbabilities = tf.sum(tf.mul(tf.logSoftmax(logits), tf.cast(targets, 'float32')), -1) as Tensor2D;
      return tf.neg(tf.mean(logProbabilities)) as Scalar;
    };
    const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => model.variables.get(name)?.read() as Tensor));
    return { loss: value, ...Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor])) } as Record<
      string,
      Tensor
    >;
  });
  const positions = Int32Array.from(ids, (_, row) => row % time);
  return program.run({ ids: Int32Array.from(ids), positions }) as Record<string, Float32Array>;
}

/** The largest absolute difference; infinite where the lengths differ. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
