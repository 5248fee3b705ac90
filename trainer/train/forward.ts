import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { causalAttention } from '../model/causal-attention.ts';
import type { ModelConfig } from '../model/config.ts';
import { type DecoderParts, decoderParts, lmHead } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Session, Variable } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import { chainGradients, type Link } from './chain-gradients.ts';
import { weightedCrossEntropy } from './loss.ts';
import type { BatchShape } from './shapes.ts';

/** What training computes on. */
export interface TrainedModel {
  readonly session: Session;
  readonly config: ModelConfig;
  /** Reads the session's variables. */
  readonly parameters: Parameters;
  /** The same with dropout, for training only; `seed` is [2] int32. Default: none. */
  readonly withDropout?: (seed: Tensor1D) => Parameters;
  /** The variables that training changes, in the order of their updates. */
  readonly trained: ReadonlyMap<string, Variable>;
}

/** A micro-batch inside a program; see MicroBatch. */
export interface BatchTensors {
  readonly ids: Tensor1D;
  /** Absent where each row of the batch is one sequence. */
  readonly positions?: Tensor1D;
  readonly rowIndices: Tensor1D;
  readonly targets: Tensor1D;
  readonly weights: Tensor1D;
}

/** Logits at the batch's rows only: [rows, vocab]. */
export function logitsOf({ config, parameters: p }: TrainedModel, shape: BatchShape, batch: BatchTensors): Tensor2D {
  const { embed, layers, norm } = partsOf(config, shape, batch);
  const hidden = layers.reduce((x, layer) => layer(p, x), embed(p));
  return lmHead(config, p, norm(p, hidden));
}

/**
 * Loss of a micro-batch and its gradients with respect to the variables' present values, in their order.
 *
 * @param seed     [2] int32, of the dropout
 * @param byLayers whether only the inputs of the layers are kept, and the way back computes each layer anew
 */
export function lossAndGradients(
  model: TrainedModel,
  shape: BatchShape,
  batch: BatchTensors,
  seed: Tensor1D,
  byLayers: boolean,
): { loss: Scalar; gradients: Tensor[] } {
  const { config } = model;
  const { embed, layers, norm } = partsOf(config, shape, batch);
  const { targets, weights } = batch;
  const parameters = (seed: Tensor1D) => model.withDropout?.(seed) ?? model.parameters;
  const lossOf = (p: Parameters, hidden: Tensor2D) =>
    weightedCrossEntropy(lmHead(config, p, norm(p, hidden)), targets, weights);
  const link =
    (part: (p: Parameters, hidden: Tensor2D) => Tensor): Link =>
    (x, late) =>
      part(parameters(late(seed)), x as Tensor2D);
  const links = [link(embed), ...layers.map(link), link(lossOf)];
  const whole: Link = (x, late) => links.reduce((hidden: Tensor | undefined, link) => link(hidden, late), x) as Tensor;
  // A variable reads as one and the same tensor until it is written, so the links use the tensors listed here.
  const trained = [...model.trained.values()].map((variable) => variable.read());
  const { value, gradients } = chainGradients(byLayers ? links : [whole], trained);
  return { loss: value as Scalar, gradients };
}

/** The decoder up to the batch's rows, which alone the last layer puts out. */
function partsOf(
  config: ModelConfig,
  { batch, time }: BatchShape,
  { ids, positions, rowIndices }: BatchTensors,
): DecoderParts {
  const places = Int32Array.from({ length: batch * time }, (_, row) => row % time);
  const attend = causalAttention(config, batch, time, positions);
  return decoderParts(config, ids, positions ?? tf.tensor1d(places, 'int32'), attend, rowIndices);
}
