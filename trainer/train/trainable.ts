import type { Tensor1D } from '@tensorflow/tfjs-core';
import type { LoadedModel } from '../model/load.ts';
import { initLora, type LoraAdapter, type LoraSpec, loraLayers, loraShapes, withLora } from '../model/lora.ts';
import { createRandom } from '../random.ts';
import type { Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { dropout } from './dropout.ts';
import type { TrainedModel } from './programs.ts';

/** A model as training sees it, and the adapter as it stands where only that is trained. */
export interface Trainable {
  readonly model: TrainedModel;
  readonly adapter: (() => LoraAdapter) | undefined;
}

/**
 * What is trained of a loaded model: without a spec every weight, with one the matrices of a fresh LoRA adapter, which are put into the
 * session beside the model's own weights.
 *
 * @param seed of the adapter's first matrices
 */
export function trainable(
  session: Session,
  { config, parameters, variables }: LoadedModel,
  lora: LoraSpec | undefined,
  seed: number,
): Trainable {
  if (lora === undefined) return { model: { session, config, parameters, trained: variables }, adapter: undefined };
  const trained = new Map<string, Variable>();
  const initial = initLora(config, lora, createRandom(seed).fork('lora'));
  for (const [name, shape] of loraShapes(config, lora)) {
    const variable = session.variable(`lora.${name}`, { shape, dtype: 'float32' });
    variable.load(initial.tensors.get(name) as Float32Array);
    trained.set(name, variable);
  }
  const find = (name: string) => trained.get(name)?.read();
  const rate = lora.dropout ?? 0;
  const layers = loraLayers(config, lora).map(({ name }) => name);
  const withDropout = (seed: Tensor1D) =>
    withLora(parameters, lora, find, (layer, x) => dropout(x, rate, seedOf(seed, layers.indexOf(layer))));
  return {
    model: {
      session,
      config,
      parameters: withLora(parameters, lora, find),
      ...(rate > 0 && { withDropout }),
      trained,
    },
    adapter: () => ({
      spec: lora,
      tensors: new Map([...trained].map(([name, variable]) => [name, variable.values() as Float32Array])),
    }),
  };
}

/** Another seed for each layer; the second of the pair counts micro-batches, of which a step has fewer than 2^16. */
function seedOf(seed: Tensor1D, layer: number): Tensor1D {
  return tf.add(seed, tf.tensor1d([0, layer * 2 ** 16], 'int32'));
}
