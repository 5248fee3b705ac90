import { type AnnotatedResponse, type Objective, type ObjectiveOptions, tokenWeights } from './objective.ts';

/** An annotation line as far as training needs it. */
export interface AnnotationRecord extends AnnotatedResponse {
  readonly promptIds: readonly number[];
}

/** Prompt and response as one sequence, with the objective's weights on the response and none on the prompt. */
export interface ResponseSequence {
  readonly id: string;
  readonly ids: readonly number[];
  readonly weights: readonly number[];
  readonly promptLength: number;
}

/**
 * What to train on for one annotated response. A first token that nothing precedes (empty prompt) can't be predicted: its weight is 0.
 *
 * @throws CftError InvalidRecord as {@link tokenWeights}
 */
export function weightedSequence(
  objective: Objective,
  record: AnnotationRecord,
  options: ObjectiveOptions,
): ResponseSequence {
  const { id, promptIds, responseIds } = record;
  const weights = [...promptIds.map(() => 0), ...tokenWeights(objective, record, options)];
  if (weights.length > 0) weights[0] = 0;
  return { id, ids: [...promptIds, ...responseIds], weights, promptLength: promptIds.length };
}
