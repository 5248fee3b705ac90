import { CftError } from '../../crds/errors.ts';
import { createRandom } from '../random.ts';

/** A kept response as the annotation stage describes it: what an objective may look at. */
export interface AnnotatedResponse {
  readonly id: string;
  /** Response only, its end token included. */
  readonly responseIds: readonly number[];
  /** By criterion: 1 for each critical token of the response, else 0. */
  readonly masks: Readonly<Record<string, readonly number[]>>;
  readonly tokens: readonly { readonly text: string }[];
}

/** Which response tokens are trained. */
export type Objective = 'critical' | 'all' | 'number' | 'random';

export interface ObjectiveOptions {
  /** The mask that `critical` trains on and whose count `random` copies: `strict-2` or `strict-3`. */
  readonly criterion: string;
  /** Of the draw of `random`. */
  readonly seed: number;
}

const OBJECTIVES: Readonly<
  Record<Objective, (response: AnnotatedResponse, options: ObjectiveOptions) => readonly number[]>
> = {
  critical: criticalMask,
  all: ({ responseIds }) => responseIds.map(() => 1),
  number: ({ tokens }) => tokens.map(({ text }) => (/\p{Nd}/u.test(text) ? 1 : 0)),
  random: randomMask,
};

/**
 * Weight of each response token in the loss, 0 or 1.
 *
 * - `critical`: the tokens that the criterion found critical (CFT, arXiv 2510.10974).
 * - `all`: every token, the end token included: plain supervised fine-tuning.
 * - `number`: the tokens whose text has a decimal digit.
 * - `random`: as many tokens as are critical in this response, drawn evenly: the control. The draw depends on the seed and the
 *   response's id only, so that it is the same in every epoch, order and shard.
 *
 * @throws CftError InvalidRecord if the criterion's mask is missing or of another length than the response
 */
export function tokenWeights(objective: Objective, response: AnnotatedResponse, options: ObjectiveOptions): number[] {
  const weights = OBJECTIVES[objective](response, options);
  if (weights.length !== response.responseIds.length)
    throw new CftError(
      'InvalidRecord',
      `${weights.length} weights for ${response.responseIds.length} response tokens`,
      {
        where: `annotation ${response.id}`,
        hint: 'annotate the response again',
      },
    );
  return [...weights];
}

function criticalMask({ id, masks }: AnnotatedResponse, { criterion }: ObjectiveOptions): readonly number[] {
  const mask = masks[criterion];
  if (mask !== undefined) return mask;
  throw new CftError('InvalidRecord', `has no mask for the criterion "${criterion}"`, {
    where: `annotation ${id}`,
    value: Object.keys(masks),
    hint: `choose one of ${Object.keys(masks).join(', ')}, or annotate again`,
  });
}

function randomMask(response: AnnotatedResponse, options: ObjectiveOptions): readonly number[] {
  const mask = criticalMask(response, options);
  return createRandom(options.seed).fork(response.id).shuffle(mask);
}
