import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { writeFileAtomic, writeJsonAtomic } from '../../crds/files.ts';
import type { Variable } from '../tensor/session.ts';
import type { ModelConfig, WeightDtype } from './config.ts';
import { writeDirectory } from './directory.ts';
import { readTensor } from './safetensors.ts';
import { type TensorSource, writeWeights } from './safetensors-write.ts';
import { type LocatedWeights, weightShapes } from './weights.ts';

/** Files that belong to a model whatever its weights are: copied as they are, where there are any. */
const COMPANIONS = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'LICENSE',
  'NOTICE',
];

export interface SaveOptions {
  /** The model directory whose config.json, tokenizer and other files go along. */
  readonly from: string;
  /** Every weight of `weightShapes(config)`; see variableSources, fileSources and mergeLora. */
  readonly weights: readonly TensorSource[];
  /** Default float32, which keeps trained weights exactly. */
  readonly dtype?: WeightDtype;
  readonly maxShardBytes?: number;
}

/**
 * Writes a Hugging Face model directory: config.json with all its keys (only the element type changes), weights under their
 * Hugging Face names with tied ones once, tokenizer and generation_config.json. It appears whole or not at all.
 *
 * @throws CftError DiskFull, NotFinite
 * @example await saveModel('out', { from: 'model', weights: variableSources(config, model.variables) });
 */
export async function saveModel(dir: string, options: SaveOptions): Promise<void> {
  const { from, weights, dtype = 'float32' } = options;
  const config = JSON.parse(await readFile(join(from, 'config.json'), 'utf8')) as Record<string, unknown>;
  const companions: [string, Uint8Array][] = [];
  for (const name of COMPANIONS) {
    const content = await readIfThere(join(from, name));
    if (content !== undefined) companions.push([name, content]);
  }
  await writeDirectory(dir, async (temporary) => {
    await writeWeights(temporary, weights, options);
    for (const [name, content] of companions) await writeFileAtomic(join(temporary, name), content);
    await writeJsonAtomic(join(temporary, 'config.json'), withDtype(config, dtype));
  });
}

/** A session's weights, read back one at a time. */
export function variableSources(config: ModelConfig, variables: ReadonlyMap<string, Variable>): TensorSource[] {
  return [...weightShapes(config).keys()].map((name) => {
    const variable = variables.get(name);
    if (variable === undefined) throw new CftError('Internal', `no variable holds "${name}"`);
    return { name, shape: variable.shape, values: () => variable.values() as Float32Array };
  });
}

/** A model directory's weights as they are on disk, e.g. to merge an adapter into them without a session. */
export function fileSources(located: LocatedWeights): TensorSource[] {
  return [...located.entries].map(([name, entry]) => ({ name, shape: entry.shape, values: () => readTensor(entry) }));
}

/** transformers loads weights in the type that config.json names, under either of its two spellings. */
function withDtype(config: Readonly<Record<string, unknown>>, dtype: WeightDtype): Record<string, unknown> {
  const key = 'dtype' in config ? 'dtype' : 'torch_dtype';
  return { ...config, [key]: dtype, ...('torch_dtype' in config ? { torch_dtype: dtype } : {}) };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
