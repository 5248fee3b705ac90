import { join } from 'node:path';
import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { writeJsonAtomic } from '../../crds/files.ts';
import { readInputJson } from '../input-file.ts';
import { TimeIsOver, timeLimit } from '../time-limit.ts';
import type { ModelConfig } from './config.ts';
import { writeDirectory } from './directory.ts';
import { checkFinite } from './load.ts';
import { type LoraAdapter, type LoraSpec, loraLayers, loraShapes } from './lora.ts';
import { corruptFile, readHeader, readTensor } from './safetensors.ts';
import { writeSafetensors } from './safetensors-write.ts';

/** PEFT's directory: adapter_config.json, and adapter_model.safetensors with the model's names behind this prefix. */
const PREFIX = 'base_model.model.';
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
/** Time for a pattern to match the names of all layers. */
const MATCHING_MS = 2000;

const configSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  r: z.int().positive(),
  lora_alpha: z.number(),
  lora_dropout: z.number().min(0).max(1).nullish(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  use_rslora: z.boolean().nullish(),
});

/** Keys that do not change what a finished adapter computes, beside those of the schema. */
const HARMLESS = new Set([
  ...['auto_mapping', 'base_model_name_or_path', 'inference_mode', 'peft_version', 'revision', 'task_type'],
  // They say which layers have matrices, which the file itself shows.
  ...['layers_to_transform', 'layers_pattern', 'exclude_modules'],
  // Constants of methods that another key switches on.
  ...['megatron_core', 'qalora_group_size'],
]);

/**
 * Writes an adapter as a directory that PEFT loads. The directory appears whole or not at all.
 *
 * @param base what the adapter belongs on, for `base_model_name_or_path`: a directory or a hub name
 * @throws CftError DiskFull
 */
export async function saveAdapter(dir: string, adapter: LoraAdapter, config: ModelConfig, base: string): Promise<void> {
  const { spec } = adapter;
  const tensors = [...loraShapes(config, spec)].map(([name, shape]) => ({
    name: `${PREFIX}${name}`,
    shape,
    values: () => matrixOf(adapter, name),
  }));
  await writeDirectory(dir, async (temporary) => {
    await writeSafetensors(join(temporary, WEIGHTS), tensors);
    await writeJsonAtomic(join(temporary, CONFIG), {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: base,
      r: spec.rank,
      lora_alpha: spec.alpha,
      lora_dropout: spec.dropout ?? 0,
      target_modules: spec.targetModules.includes('all-linear') ? 'all-linear' : spec.targetModules,
      use_rslora: spec.rankStabilized ?? false,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
    });
  });
}

/**
 * Reads a PEFT LoRA adapter and checks it against the model it is to be put on.
 *
 * @throws CftError FileNotFound, InvalidConfig, UnsupportedModel (a PEFT option that changes the result, by name), CorruptFile, ShapeMismatch, DtypeMismatch, NotFinite
 */
export async function loadAdapter(dir: string, config: ModelConfig): Promise<LoraAdapter> {
  const spec = await readSpec(join(dir, CONFIG), config);
  const path = join(dir, WEIGHTS);
  const { tensors: entries } = await readHeader(path);
  const expected = loraShapes(config, spec);
  const tensors = new Map<string, Float32Array>();
  for (const [fullName, entry] of entries) {
    const name = fullName.startsWith(PREFIX) ? fullName.slice(PREFIX.length) : fullName;
    const shape = expected.get(name);
    if (shape === undefined) throw corruptFile(path, `tensor "${fullName}" belongs to no layer that ${CONFIG} adapts`);
    if (entry.shape.length !== 2 || entry.shape[0] !== shape[0] || entry.shape[1] !== shape[1]) {
      throw new CftError(
        'ShapeMismatch',
        `${WEIGHTS}: tensor "${fullName}" has shape [${entry.shape.join(', ')}], the model and ${CONFIG} ask for [${shape.join(', ')}]`,
        { where: path, value: entry.shape, hint: 'put the adapter on the model that it was trained on' },
      );
    }
    const values = await readTensor(entry);
    checkFinite(values, entry);
    tensors.set(name, values);
  }
  for (const { name } of loraLayers(config, spec)) {
    const [a, b] = [tensors.has(`${name}.lora_A.weight`), tensors.has(`${name}.lora_B.weight`)];
    if (a !== b) throw corruptFile(path, `layer "${name}" has only one of lora_A and lora_B`);
  }
  if (tensors.size === 0) throw corruptFile(path, 'holds no LoRA matrices');
  return { spec, tensors };
}

async function readSpec(path: string, config: ModelConfig): Promise<LoraSpec> {
  const found = await readInputJson(path, configSchema, 'compare it with the file that PEFT writes for a LoRA adapter');
  if (found === undefined)
    throw new CftError('FileNotFound', `${CONFIG} does not exist`, {
      where: path,
      hint: 'pass a directory that PEFT has saved',
    });
  refuseOptions(found, path);
  const { r, lora_alpha, lora_dropout, target_modules, use_rslora } = found;
  return {
    rank: r,
    alpha: lora_alpha,
    targetModules:
      typeof target_modules === 'string'
        ? targetsOf(target_modules, config, path)
        : knownTargets(target_modules, config, path),
    dropout: lora_dropout ?? 0,
    rankStabilized: use_rslora ?? false,
  };
}

/** PEFT takes a string as `all-linear` or as a regular expression over whole layer names. */
function targetsOf(pattern: string, config: ModelConfig, path: string): readonly string[] {
  if (pattern === 'all-linear') return [pattern];
  const all = loraLayers(config, { rank: 1, alpha: 1, targetModules: ['all-linear'] }).map(({ name }) => name);
  const matching = matches(pattern, all, path);
  if (matching.length > 0) return matching;
  throw badTargets(`"${pattern}" matches no layer of the model`, path);
}

function matches(pattern: string, names: readonly string[], path: string): string[] {
  try {
    const expression = new RegExp(`^(?:${pattern})$`);
    return timeLimit(MATCHING_MS)(() => names.filter((name) => expression.test(name)));
  } catch (cause) {
    if (cause instanceof TimeIsOver) throw badTargets(`"${pattern}" takes too long to match`, path, cause);
    throw badTargets((cause as Error).message, path, cause);
  }
}

function knownTargets(targets: readonly string[], config: ModelConfig, path: string): readonly string[] {
  try {
    loraLayers(config, { rank: 1, alpha: 1, targetModules: targets });
    return targets;
  } catch (cause) {
    throw badTargets((cause as Error).message, path, cause);
  }
}

function badTargets(message: string, path: string, cause?: unknown): CftError {
  return new CftError('InvalidConfig', `target_modules: ${message}`, {
    where: path,
    hint: 'name the layers one by one; the adapter may belong to another model',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** PEFT's variants of LoRA are each switched on by a key of their own, so every other key must be off. */
function refuseOptions(config: Readonly<Record<string, unknown>>, path: string): void {
  for (const [key, value] of Object.entries(config)) {
    if (key in configSchema.shape || HARMLESS.has(key)) continue;
    const plainInit = key === 'init_lora_weights' && (value === true || value === 'gaussian');
    const empty = typeof value === 'object' && Object.keys(value ?? {}).length === 0;
    if (plainInit || empty || value === false || value === undefined || (key === 'bias' && value === 'none')) continue;
    throw new CftError('UnsupportedModel', `adapter option ${key} ${JSON.stringify(value)} is not supported`, {
      where: path,
      value,
      hint: 'use a plain LoRA adapter, or merge this one into its model with PEFT',
    });
  }
}

function matrixOf(adapter: LoraAdapter, name: string): Float32Array {
  const values = adapter.tensors.get(name);
  if (values === undefined) throw new CftError('Internal', `the adapter lacks "${name}"`);
  return values;
}
