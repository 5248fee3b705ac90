import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { CftError } from '../../crds/errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { gatherRows, rmsNorm } from '../model/decoder.ts';
import type { Parameters } from '../model/parameters.ts';
import { isBiased, LAYER_NORMS, type LinearLayer, linearLayers } from '../model/weights.ts';
import { DataType } from '../tensor/graph-def.ts';
import { type KernelCall, kernels } from '../tensor/kernels.ts';
import type { Session } from '../tensor/session.ts';
import { tf } from '../tensor/tf.ts';
import type { Ahead, CachedTokens } from './cached-hidden.ts';
import type { Greedy } from './choose.ts';
import type { KvCache } from './kv-cache.ts';
import type { DecodableModel } from './programs.ts';
import { longest, rotaryAt } from './rotations.ts';

/**
 * Whether a session computes the layers of a model over a cache as one op, that of trainer/kernels. The cache is then laid out for it, and all
 * programs of the cache do the same.
 */
export function fuses(session: Session, { config, parameters }: DecodableModel): boolean {
  const isComputed = !config.fusedProjections && config.activation === 'silu' && !isBiased(config, 'lm_head');
  return session.kernels && parameters.isHeldForLinear === true && isComputed;
}

/** Weights up to which a pass over some hundred rows is so short that the way to the op and back counts. */
const QUICK_WEIGHT = 2 ** 23;

/** Whether neither a layer nor the head is larger than that. */
export function isQuick(config: ModelConfig): boolean {
  const layer = linearIn(config, 0).reduce((sum, { inSize, outSize }) => sum + inSize * outSize, 0);
  return Math.max(layer, config.hiddenSize * config.vocabSize) <= QUICK_WEIGHT;
}

/** The linear layers of a layer, in the order of the computation, which is the op's. */
function linearIn(config: ModelConfig, layer: number): LinearLayer[] {
  return linearLayers(config).filter(({ name }) => name.startsWith(`model.layers.${layer}.`));
}

/**
 * Final hidden states of new tokens, all layers as one op: each thread takes some rows through all of them, and each token looks at exactly
 * what it sees, however long the sequences of others are. Rows at place -1 are left out. Costs 2 * rows * (weights of the layers)
 * multiply-adds, plus 2 * heads * headDim * (position + 1) for each token and layer.
 *
 * @returns [rows, hiddenSize] after the final norm
 */
export function fusedHidden(model: DecodableModel, tokens: CachedTokens): Tensor2D {
  return rmsNorm(layers(model, tokens), finalNorm(model), model.config.rmsNormEps);
}

/**
 * The likeliest tokens after each of the new ones, in one op, of each as many as `ahead` says: with what a step chose the next one goes on. A
 * few small sequences stay with their thread through all steps, so that it finds what they look at near by.
 *
 * @returns [rows * steps]; of rows at place -1, and behind the last token that was chosen, -1
 */
export function fusedGreedy(model: DecodableModel, tokens: CachedTokens, { most, steps, ends }: Ahead): Greedy {
  const { config, parameters: p } = model;
  const { ids, positions, slots } = tokens;
  const isTied = config.tieWordEmbeddings;
  const places = tf.reshape(tf.add(tf.reshape(positions, [-1, 1]), tf.range(0, steps, 1, 'int32')), [-1]);
  const { cos, sin } = rotaryAt(config, places as Tensor1D, longest(tokens));
  const shape = [positions.size * steps];
  const { attributes, starts, weights, caches, updates } = decoderInputs(model, tokens);
  const ownWeights = [p.tensor(EMBEDDING), p.tensor(isTied ? EMBEDDING : 'lm_head.weight'), finalNorm(model)];
  const [next, margin] = kernel({
    op: 'CftGreedy',
    attributes: {
      ...attributes,
      W: typesOf([...ownWeights, ...weights]),
      steps: { int: steps },
      vocab: { int: config.vocabSize },
      ends: { ints: [...ends] },
    },
    inputs: [...ownWeights, ...weights, ids, slots, positions, starts, most, cos, sin, ...caches],
    updates,
    outputs: [
      { shape, dtype: 'int32' },
      { shape, dtype: 'float32' },
    ],
  });
  return { next: next as Tensor1D, margin: margin as Tensor1D };
}

const EMBEDDING = 'model.embed_tokens.weight';

function finalNorm({ parameters }: DecodableModel): Tensor1D {
  return parameters.tensor('model.norm.weight') as Tensor1D;
}

/** Hidden states before the final norm: [rows, hiddenSize]. */
function layers(model: DecodableModel, tokens: CachedTokens): Tensor2D {
  const { config, parameters: p } = model;
  const { ids, positions, slots } = tokens;
  const { cos, sin } = rotaryAt(config, positions, longest(tokens));
  const embedded = gatherRows(p.tensor(EMBEDDING) as Tensor2D, ids);
  const { attributes, starts, weights, caches, updates } = decoderInputs(model, tokens);
  const [hidden] = kernel({
    op: 'CftDecoderLayers',
    attributes: { ...attributes, W: typesOf(weights) },
    inputs: [...weights, embedded, cos, sin, slots, positions, starts, ...caches],
    updates,
    outputs: [{ shape: embedded.shape, dtype: 'float32' }],
  });
  return hidden as Tensor2D;
}

/** What an op takes to run a decoder: see trainer/kernels/decoder_inputs.h. */
function decoderInputs({ config, parameters: p }: DecodableModel, { positions, cache, shared }: CachedTokens) {
  const origins = shared?.cache ?? cache;
  const absent = tf.tensor1d([], 'float32');
  const weights = layersOf(config).flatMap((layer) => layerWeights(config, p, layer, absent));
  // Where there are no origins, the slots' own cache says how many there would be: none of their tokens are looked at.
  const caches = origins === cache ? layersOf(config).flatMap(() => [absent, absent]) : readAll(origins);
  const attributes: KernelCall['attributes'] = {
    C: { int: caches.length },
    windows: { ints: config.attentionWindows.map((window) => window ?? 0) },
    heads: { int: config.numAttentionHeads },
    kv_heads: { int: config.numKeyValueHeads },
    head_dim: { int: config.headDim },
    intermediate: { int: config.intermediateSize },
    epsilon: { float: config.rmsNormEps },
    norm_after: { int: config.normPlacement === 'after' ? 1 : 0 },
    norms_whole: { int: config.queryKeyNorm === 'head' ? 0 : 1 },
    own_slots: { int: cache.slots },
    own_group: { int: cache.group },
    own_block: { int: cache.block },
    origin_slots: { int: origins.slots },
    origin_block: { int: origins.block },
  };
  return {
    attributes,
    starts: shared?.starts ?? tf.zerosLike(positions),
    weights,
    caches,
    updates: cache.layers.flatMap(({ k, v }) => [k, v]),
  };
}

/** Of weights as programs see them; those in panels may consist of something else. */
function typesOf(weights: readonly Tensor[]) {
  return { types: weights.map(() => DataType.float32) };
}

function kernel(call: KernelCall): Tensor[] {
  const run = kernels();
  if (run === undefined) throw new CftError('Internal', `${call.op} in a session without kernels`);
  return run(call);
}

/** What the op takes of a layer, in its order: norms, then weights and biases. */
function layerWeights(config: ModelConfig, p: Parameters, layer: number, absent: Tensor): Tensor[] {
  const named = (name: string) => p.tensor(`model.layers.${layer}.${name}`);
  const norms =
    config.queryKeyNorm === 'none'
      ? [absent, absent]
      : ['q_norm', 'k_norm'].map((norm) => named(`self_attn.${norm}.weight`));
  const linear = linearIn(config, layer).flatMap(({ name }) => [
    p.tensor(`${name}.weight`),
    isBiased(config, name) ? p.tensor(`${name}.bias`) : absent,
  ]);
  return [...LAYER_NORMS[config.normPlacement].map((norm) => named(`${norm}.weight`)), ...norms, ...linear];
}

function layersOf({ numHiddenLayers }: ModelConfig): number[] {
  return Array.from({ length: numHiddenLayers }, (_, layer) => layer);
}

function readAll({ layers }: KvCache): Tensor[] {
  return layers.flatMap(({ k, v }) => [k.read(), v.read()]);
}
