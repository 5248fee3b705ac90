import { z } from 'zod';
import type { Family } from './families.ts';
import { unsupportedKey } from './unsupported.ts';

/** The keys of config.json that attention windows come from. */
export const windowKeys = {
  sliding_window: z.int().positive().nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
};
type WindowKeys = z.infer<z.ZodObject<typeof windowKeys>>;

/**
 * For each layer how many tokens one attends to, itself and those right before it, by the rules of the family's transformers class;
 * undefined: all.
 *
 * @throws CftError UnsupportedModel for keys that contradict each other, or a window in a family that has none
 */
export function parseWindows(
  config: WindowKeys,
  family: Family,
  layers: number,
  where: string,
): (number | undefined)[] {
  const size =
    (config.sliding_window === undefined ? family.defaults.slidingWindow : config.sliding_window) ?? undefined;
  const types = config.layer_types ?? undefined;
  const windows = Array.from({ length: layers }, (_, layer) => (slides(layer, config, family) ? size : undefined));
  // transformers does not mask in these families, but would cache no more than the window.
  if (family.slidingWindow === 'never' && size !== undefined && config.use_sliding_window !== false)
    throw unsupportedKey('sliding_window', size, `null in ${family.architecture}`, where);
  const meant = windows.map((window) => (window === undefined ? 'full_attention' : 'sliding_attention'));
  if (types !== undefined && JSON.stringify(types) !== JSON.stringify(meant))
    throw unsupportedKey('layer_types', types, `${JSON.stringify(meant)} with the other keys`, where);
  return windows;
}

function slides(layer: number, config: WindowKeys, family: Family): boolean {
  if (family.slidingWindow !== 'chosen-layers') return family.slidingWindow === 'all-layers';
  if (config.use_sliding_window !== true) return false;
  return config.layer_types
    ? config.layer_types[layer] === 'sliding_attention'
    : layer >= (config.max_window_layers ?? 28);
}
