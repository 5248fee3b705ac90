import { CftError } from '../../crds/errors.ts';

/**
 * Where logits are not numbers every choice is the same token, and everything would be made of that.
 *
 * @param value what was computed from them
 * @throws CftError NotFinite
 */
export function requireNumber(value: number | null, where?: string): void {
  if (!Number.isNaN(value)) return;
  throw new CftError('NotFinite', "the model's logits are not numbers", {
    ...(where === undefined ? {} : { where }),
    hint: 'use other weights: these are finite but what is computed from them is not, as after a training that diverged',
  });
}
