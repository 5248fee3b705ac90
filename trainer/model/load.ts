import { CftError } from '../../crds/errors.ts';
import type { Held, Session, Variable } from '../tensor/session.ts';
import { loadConfig, type ModelConfig } from './config.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { corruptFile, readTensor, type TensorEntry } from './safetensors.ts';
import { type LocatedWeights, locateWeights } from './weights.ts';

/** A model whose weights are a session's variables. */
export interface LoadedModel {
  readonly config: ModelConfig;
  /** For use inside the session's programs. */
  readonly parameters: Parameters;
  /** By Hugging Face name, e.g. `model.norm.weight`. */
  readonly variables: ReadonlyMap<string, Variable>;
}

export interface LoadOptions {
  /** Put before the variables' names in the session, so that two models fit into one. Default none. */
  readonly scope?: string;
  /**
   * No program will change the weights: matrices are held for products, and as bfloat16s, in half the memory, if they are such in the file and that
   * changes nothing, or rounded to them on request.
   */
  readonly frozen?: { readonly bfloat16: boolean } | undefined;
}

/**
 * Loads a Hugging Face model directory into a session, tensor by tensor: beside the session's own copy only one
 * tensor at a time is in memory.
 *
 * @throws CftError FileNotFound, InvalidConfig, UnsupportedModel, CorruptFile, ShapeMismatch, DtypeMismatch, NotFinite
 * @example
 * const model = await loadModel(session, './model');
 * session.program('logits', inputs, ({ ids, positions }) => {
 *   const hidden = decoderHidden(model.config, model.parameters, ids, positions, causalAttention(model.config, 1, 32));
 *   return { logits: lmHead(model.config, model.parameters, hidden) };
 * });
 */
export async function loadModel(session: Session, dir: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const config = await loadConfig(dir);
  const weights = await locateWeights(dir, config);
  const variables = new Map<string, Variable>();
  for await (const { name, shape, values, isBfloat16 } of readWeights(weights)) {
    const bfloat16 = options.frozen?.bfloat16 === true || (isBfloat16 && session.exactBfloat16);
    const held = shape.length === 2 && options.frozen ? { ...heldAs(name, config), bfloat16 } : undefined;
    const variable = session.variable(`${options.scope ?? ''}${name}`, { shape, dtype: 'float32', held });
    variable.load(values);
    variables.set(name, variable);
  }
  const isHeldForLinear = options.frozen !== undefined;
  return { config, parameters: { ...variableParameters(variables), isHeldForLinear }, variables };
}

/** What programs do with a frozen matrix. */
export function heldAs(name: string, { tieWordEmbeddings }: ModelConfig): Held {
  const lookedUp = name === 'model.embed_tokens.weight';
  return { linear: !lookedUp || tieWordEmbeddings, lookedUp };
}

/** Parameters that read a session's variables; for use inside its programs. */
export function variableParameters(variables: ReadonlyMap<string, Variable>): Parameters {
  return parametersOf((name) => variables.get(name)?.read());
}

/** A weight as it is read, and whether the file has it in bfloat16. */
export interface LoadedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
  readonly isBfloat16: boolean;
}

/** Every weight in turn, checked: finite, and a tied head equal to the embedding. */
export async function* readWeights(weights: LocatedWeights): AsyncGenerator<LoadedWeight> {
  for (const [name, entry] of weights.entries) {
    const values = await readTensor(entry);
    checkFinite(values, entry);
    if (name === 'model.embed_tokens.weight' && weights.tiedHead !== undefined)
      await checkTied(values, weights.tiedHead);
    yield { name, shape: entry.shape, values, isBfloat16: entry.dtype === 'BF16' };
  }
}

/** @throws CftError NotFinite, with the first element at fault */
export function checkFinite(values: Float32Array, entry: TensorEntry): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new CftError('NotFinite', `tensor "${entry.name}" holds ${values[i]} at element ${i}`, {
      where: entry.path,
      value: values[i],
      hint: 'the weights are unusable: their training diverged, or the file is damaged',
    });
  }
}

async function checkTied(embedding: Float32Array, head: TensorEntry): Promise<void> {
  const values = await readTensor(head);
  let same = 0;
  while (same < values.length && values[same] === embedding[same]) same++;
  if (same === values.length && same === embedding.length) return;
  throw corruptFile(
    head.path,
    `"${head.name}" differs from the embedding, but config.json says that they are tied`,
    'set tie_word_embeddings to false in config.json if the model has a head of its own',
  );
}
