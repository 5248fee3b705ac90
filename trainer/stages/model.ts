import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { loadAdapter } from '../model/adapter.ts';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { withLora } from '../model/lora.ts';
import { backendOptions, loadBackend } from '../tensor/backend.ts';
import { createSession, type SessionOptions } from '../tensor/create-session.ts';
import type { Session } from '../tensor/session.ts';
import { loadTokenizer } from '../tokenizer/load.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { StageContext } from './context.ts';

/** A model ready to compute, with its tokenizer. */
export interface OpenModel extends LoadedModel {
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  close(): void;
}

export interface OpenOptions extends SessionOptions {
  /** Whether training will change the weights themselves. Default false. */
  readonly trainable?: boolean;
}

/**
 * Loads the backend, a model directory into a session of its own, and the tokenizer.
 *
 * @throws CftError for a missing or broken file, by name; TokenizerMismatch if the tokenizer has ids that the model has no row for
 */
export async function openModel(
  dir: string,
  context: Pick<StageContext, 'logger'>,
  { precision, trainable = false }: OpenOptions = {},
): Promise<OpenModel> {
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new CftError(
      'FileNotFound',
      found === undefined ? 'the model does not exist' : 'the model is not a directory',
      {
        where: dir,
        hint: 'pass a Hugging Face model directory: config.json, safetensors and tokenizer.json',
      },
    );
  const tokenizer = await loadTokenizer(dir);
  const backend = await loadBackend({
    ...backendOptions(process.env),
    warn: (message) => context.logger.warn(message),
  });
  const session = createSession({ precision, kernels: backend.kernels });
  const frozen = trainable ? undefined : { bfloat16: precision === 'bf16' };
  const model = await loadModel(session, dir, { frozen });
  if (tokenizer.vocabSize > model.config.vocabSize)
    throw new CftError(
      'TokenizerMismatch',
      `the tokenizer has ${tokenizer.vocabSize} ids, the model only ${model.config.vocabSize}`,
      {
        where: join(dir, 'tokenizer.json'),
        hint: 'the tokenizer belongs to another model, or config.json has a wrong vocab_size',
      },
    );
  context.logger.info('model loaded', {
    model: dir,
    backend: backend.name,
    device: backend.device,
    threads: backend.threads,
  });
  return { ...model, session, tokenizer, close: () => session.dispose() };
}

/** A model with a PEFT LoRA adapter put on it. */
export async function openAdapted(
  dir: string,
  adapterDir: string,
  context: Pick<StageContext, 'logger'>,
  options: SessionOptions = {},
): Promise<OpenModel> {
  const model = await openModel(dir, context, options);
  const adapter = await loadAdapter(adapterDir, model.config);
  const variables = new Map(
    [...adapter.tensors].map(([name, values]) => {
      const rank = adapter.spec.rank;
      const shape = name.endsWith('lora_A.weight') ? [rank, values.length / rank] : [values.length / rank, rank];
      const variable = model.session.variable(`lora.${name}`, { shape, dtype: 'float32' });
      variable.load(values);
      return [name, variable];
    }),
  );
  const parameters = withLora(model.parameters, adapter.spec, (name) => variables.get(name)?.read());
  return { ...model, parameters };
}
