import { unsupportedKey } from './unsupported.ts';

/** The function that an MLP's gate goes through. */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'relu';

/** Its names in config.json. */
const NAMES = new Map<string, Activation>([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu-tanh'],
  ['gelu_pytorch_tanh', 'gelu-tanh'],
  ['relu', 'relu'],
]);

/**
 * `hidden_act` of config.json; every family's default is silu.
 *
 * @throws CftError UnsupportedModel for a name that is not known
 */
export function parseActivation(name: string | null | undefined, where: string): Activation {
  const activation = NAMES.get(name ?? 'silu');
  if (activation === undefined)
    throw unsupportedKey('hidden_act', name, `one of ${[...NAMES.keys()].join(', ')}`, where);
  return activation;
}
