import { basename, join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { inputFileSize, readInputJson } from '../input-file.ts';
import type { ModelConfig } from './config.ts';
import { corruptFile, readHeader, type TensorEntry } from './safetensors.ts';

const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';
/** Buffers that older transformers versions saved; they are computed, never read. */
const COMPUTED = /\.rotary_emb\.inv_freq$/;

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** A linear layer by its name without `.weight`; its weight is [outSize, inSize]. */
export interface LinearLayer {
  readonly name: string;
  readonly inSize: number;
  readonly outSize: number;
}

/** The RMSNorms of a layer by where they stand: of attention, then of the MLP. The second name is transformers' for two things. */
export const LAYER_NORMS = {
  before: ['input_layernorm', 'post_attention_layernorm'],
  after: ['post_attention_layernorm', 'post_feedforward_layernorm'],
} as const;

/** Every linear layer of the decoder in the order of the computation, and the head if it has weights of its own. */
export function linearLayers(config: ModelConfig): LinearLayer[] {
  const { hiddenSize: d, intermediateSize: wide } = config;
  const queries = config.numAttentionHeads * config.headDim;
  const keys = config.numKeyValueHeads * config.headDim;
  const inLayer: readonly [string, number, number][] = config.fusedProjections
    ? [
        ['self_attn.qkv_proj', d, queries + 2 * keys],
        ['self_attn.o_proj', queries, d],
        ['mlp.gate_up_proj', d, 2 * wide],
        ['mlp.down_proj', wide, d],
      ]
    : [
        ['self_attn.q_proj', d, queries],
        ['self_attn.k_proj', d, keys],
        ['self_attn.v_proj', d, keys],
        ['self_attn.o_proj', queries, d],
        ['mlp.gate_proj', d, wide],
        ['mlp.up_proj', d, wide],
        ['mlp.down_proj', wide, d],
      ];
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) =>
    inLayer.map(([name, inSize, outSize]) => ({ name: `model.layers.${layer}.${name}`, inSize, outSize })),
  ).flat();
  return config.tieWordEmbeddings ? layers : [...layers, { name: 'lm_head', inSize: d, outSize: config.vocabSize }];
}

/** Whether a linear layer, by its whole name, has a bias. */
export function isBiased({ biasedLayers }: ModelConfig, name: string): boolean {
  return biasedLayers.some((suffix) => name.endsWith(`.${suffix}`));
}

/** The shape of every weight that the decoder reads, by Hugging Face name. */
export function weightShapes(config: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>([[EMBEDDING, [config.vocabSize, config.hiddenSize]]]);
  for (const { name, outSize, inSize } of linearLayers(config)) {
    shapes.set(`${name}.weight`, [outSize, inSize]);
    if (isBiased(config, name)) shapes.set(`${name}.bias`, [outSize]);
  }
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    for (const norm of LAYER_NORMS[config.normPlacement])
      shapes.set(`model.layers.${layer}.${norm}.weight`, [config.hiddenSize]);
    if (config.queryKeyNorm === 'none') continue;
    const heads = config.queryKeyNorm === 'head' ? [1, 1] : [config.numAttentionHeads, config.numKeyValueHeads];
    for (const [i, norm] of ['q_norm', 'k_norm'].entries())
      shapes.set(`model.layers.${layer}.self_attn.${norm}.weight`, [(heads[i] as number) * config.headDim]);
  }
  shapes.set('model.norm.weight', [config.hiddenSize]);
  return shapes;
}

/** Weights found in a directory and checked against the config. */
export interface LocatedWeights {
  /** By the decoder's name, exactly those of `weightShapes`. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** A head that was saved although it is tied; it must hold the same values as the embedding. */
  readonly tiedHead: TensorEntry | undefined;
}

/**
 * Finds every weight in `model.safetensors` or in the shards that `model.safetensors.index.json` lists. Reads headers only.
 *
 * @throws CftError FileNotFound, CorruptFile (damage, missing or unknown tensors, by name), ShapeMismatch
 */
export async function locateWeights(dir: string, config: ModelConfig): Promise<LocatedWeights> {
  const found = await listTensors(dir);
  const expected = weightShapes(config);
  const embedding = found.get(EMBEDDING);
  const head = found.get(HEAD);
  // Of two tied weights a file may keep only the head.
  if (config.tieWordEmbeddings && embedding === undefined && head !== undefined) found.set(EMBEDDING, head);
  if (config.tieWordEmbeddings) found.delete(HEAD);
  const entries = new Map<string, TensorEntry>();
  const missing: string[] = [];
  for (const [name, shape] of expected) {
    const entry = found.get(name);
    if (entry === undefined) missing.push(name);
    else entries.set(name, withShape(entry, shape));
  }
  const unknown = [...found.keys()].filter((name) => !expected.has(name) && !COMPUTED.test(name));
  if (missing.length > 0) throw namesError(dir, missing, unknown, 'missing', 'config.json asks for');
  if (unknown.length > 0) throw namesError(dir, unknown, missing, 'not part of this architecture', 'the files hold');
  const tiedHead = config.tieWordEmbeddings && embedding !== undefined ? head : undefined;
  return { entries, tiedHead };
}

/** Every tensor of a directory's safetensors files by name. */
async function listTensors(dir: string): Promise<Map<string, TensorEntry>> {
  const single = join(dir, 'model.safetensors');
  if ((await inputFileSize(single)) !== undefined) return new Map((await readHeader(single)).tensors);
  const indexPath = join(dir, 'model.safetensors.index.json');
  const weightMap = await readIndex(indexPath);
  if (weightMap === undefined) {
    throw new CftError('FileNotFound', 'there is neither model.safetensors nor model.safetensors.index.json', {
      where: dir,
      hint: 'save the model with transformers’ save_pretrained, which writes safetensors',
    });
  }
  const files = [...new Set(Object.values(weightMap))].sort();
  for (const file of files) {
    if ((await inputFileSize(join(dir, file))) !== undefined) continue;
    throw new CftError('FileNotFound', `${file}, which model.safetensors.index.json lists, does not exist`, {
      where: join(dir, file),
      hint: 'download the missing shard: the model is incomplete',
    });
  }
  const tensors = new Map<string, TensorEntry>();
  for (const file of files) {
    for (const [name, entry] of (await readHeader(join(dir, file))).tensors) {
      if (weightMap[name] !== file) {
        throw corruptFile(
          indexPath,
          `tensor "${name}" is in ${file}, the index says ${weightMap[name] ?? 'nothing of it'}`,
        );
      }
      tensors.set(name, entry);
    }
  }
  const absent = Object.entries(weightMap).find(([name]) => !tensors.has(name));
  if (absent !== undefined) throw corruptFile(indexPath, `tensor "${absent[0]}" is not in ${absent[1]}`);
  return tensors;
}

async function readIndex(path: string): Promise<Readonly<Record<string, string>> | undefined> {
  const index = await readInputJson(path, indexSchema, 'download the index again, or save the model again');
  if (index === undefined) return undefined;
  const outside = Object.values(index.weight_map).find((file) => !/^[^./\0][^/\0]*$/.test(file));
  if (outside !== undefined)
    throw corruptFile(path, `names the file ${JSON.stringify(outside)}, which is not in this directory`);
  return index.weight_map;
}

function withShape(entry: TensorEntry, shape: readonly number[]): TensorEntry {
  if (entry.shape.length === shape.length && shape.every((length, axis) => length === entry.shape[axis])) return entry;
  const [has, asks] = [entry.shape, shape].map((s) => `[${s.join(', ')}]`);
  throw new CftError(
    'ShapeMismatch',
    `${basename(entry.path)}: tensor "${entry.name}" has shape ${has}, config.json asks for ${asks}`,
    {
      where: entry.path,
      value: entry.shape,
      hint: 'check the sizes in config.json, or download the file again: it may belong to another model',
    },
  );
}

function namesError(
  dir: string,
  names: readonly string[],
  others: readonly string[],
  what: string,
  who: string,
): CftError {
  const list = (all: readonly string[]) =>
    all.slice(0, 5).join(', ') + (all.length > 5 ? ` and ${all.length - 5} more` : '');
  const beside = others.length === 0 ? '' : `; it holds instead ${list(others)}`;
  return new CftError(
    'CorruptFile',
    `${names.length} tensor${names.length === 1 ? '' : 's'} that ${who} ${names.length === 1 ? 'is' : 'are'} ${what}: ${list(names)}${beside}`,
    {
      where: dir,
      hint: 'config.json and the weights must be of the same model, in Hugging Face’s names',
    },
  );
}
