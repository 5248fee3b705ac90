import { stat } from 'node:fs/promises';
import { parseArguments } from '../../crds/arguments.ts';
import { CftError } from '../../crds/errors.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import { loadAdapter } from '../model/adapter.ts';
import { loadConfig, type WeightDtype } from '../model/config.ts';
import { mergeLora } from '../model/lora.ts';
import { fileSources, saveModel } from '../model/save.ts';
import { locateWeights } from '../model/weights.ts';
import { backendOptions, loadBackend } from '../tensor/backend.ts';

const USAGE = `Usage: cft merge --model DIR --adapter DIR --out DIR [--dtype TYPE]

Folds a LoRA adapter into its model, and writes a model directory that needs no adapter.

  --model DIR     the model that the adapter was trained on
  --adapter DIR   adapter_config.json and adapter_model.safetensors, as cft train or PEFT writes them
  --out DIR       what to write; must not be there yet
  --dtype TYPE    float32 (default), bfloat16 or float16
  -h, --help      this text
`;

const DTYPES: readonly WeightDtype[] = ['float32', 'bfloat16', 'float16'];

/**
 * `cft merge`.
 *
 * @param argv arguments after `merge`
 * @returns exit status
 * @throws CftError InvalidArgument, and as loadConfig, loadAdapter and saveModel
 */
export async function main(argv: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const options = { model: text, adapter: text, out: text, dtype: text, help };
  const { values } = parseArguments({ args: [...argv], options }, wrongUsage);
  if (values.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const { model, adapter: adapterDir, out } = values;
  if (model === undefined || adapterDir === undefined || out === undefined)
    throw wrongUsage('--model, --adapter and --out are all needed');
  const dtype = DTYPES.find((name) => name === (values.dtype ?? 'float32'));
  if (dtype === undefined) throw wrongUsage(`--dtype is none of ${DTYPES.join(', ')}`);
  if ((await stat(out).catch(() => undefined)) !== undefined)
    throw new CftError('InvalidArgument', '--out is there already', { where: out, hint: 'name a new directory' });
  const config = await loadConfig(model);
  const adapter = await loadAdapter(adapterDir, config);
  await loadBackend(backendOptions(process.env));
  const weights = mergeLora(fileSources(await locateWeights(model, config)), adapter);
  await saveModel(out, { from: model, weights, dtype });
  process.stdout.write(`${out}: ${model} with ${adapterDir} folded in, ${dtype}\n`);
  return EXIT.ok;
}

function wrongUsage(message: string): CftError {
  return new CftError('InvalidArgument', message, {
    where: 'cft merge',
    hint: '`cft merge --help` tells every option',
  });
}
