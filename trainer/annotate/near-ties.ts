import type { TokenFacts } from './annotation.ts';
import { continueGreedily, factsAt, likeliest, type Predictor } from './predictor.ts';
import type { RolloutResult, RolloutRules } from './rollout.ts';

/**
 * How choices are made again that were so close that rounding may have decided them: as the definition makes them, so that a fast way of
 * computing leads to the same masks.
 */
export interface Recheck {
  /** Choices whose logits are less than this apart are made again. Larger than the rounding of the fast way. */
  readonly margin: number;
  readonly predict: Predictor;
  /** Told of every choice that is made again, and whether it came out another. */
  readonly onRecheck?: (changed: boolean) => void;
}

/**
 * The rollout as the definition has it.
 *
 * @param result    of the fast way
 * @param close     places in result.ids of the choices to make again, rising
 */
export function recheckRollout(
  promptIds: readonly number[],
  result: RolloutResult,
  close: readonly number[],
  { predict, onRecheck }: Recheck,
  rules: RolloutRules,
): RolloutResult {
  for (const place of close) {
    const kept = result.ids.slice(0, place);
    const [first] = likeliest(predict([...promptIds, ...kept]), 1);
    const changed = first !== undefined && first.id !== result.ids[place];
    onRecheck?.(changed);
    if (changed) return continueGreedily(promptIds, [...kept, first.id], predict, rules);
  }
  return result;
}

/** The facts of a response's tokens, those anew whose order of the likeliest tokens hangs on less than the margin. */
export function recheckFacts(
  { promptIds, responseIds }: { readonly promptIds: readonly number[]; readonly responseIds: readonly number[] },
  facts: readonly TokenFacts[],
  { margin, predict, onRecheck }: Recheck,
): TokenFacts[] {
  return facts.map((fact, t) => {
    const isClose = fact.top.some(({ logprob }, i) => logprob - (fact.top[i + 1]?.logprob ?? -Infinity) < margin);
    if (!isClose) return fact;
    const again = factsAt(predict([...promptIds, ...responseIds.slice(0, t)]), responseIds[t] as number);
    onRecheck?.(again.top.some(({ id }, i) => id !== fact.top[i]?.id));
    return again;
  });
}
