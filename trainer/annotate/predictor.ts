import { CHOICES } from './alternatives.ts';
import type { TokenFacts } from './annotation.ts';
import { immediateResult, type RolloutResult, type RolloutRules } from './rollout.ts';

/** The logits of the token after a sequence. */
export type Predictor = (ids: readonly number[]) => Float32Array;

/** The continuation of a started response, token by token, to its end. */
export function continueGreedily(
  promptIds: readonly number[],
  start: readonly number[],
  predict: Predictor,
  rules: RolloutRules,
): RolloutResult {
  const ids = [...start];
  let margin: number | null = null;
  while (true) {
    const over = immediateResult(ids, rules);
    if (over !== undefined) return { ...over, margin };
    const [first, second] = likeliest(predict([...promptIds, ...ids]), 2);
    ids.push(first?.id as number);
    const gap = (first?.value ?? 0) - (second?.value ?? 0);
    margin = margin === null ? gap : Math.min(margin, gap);
  }
}

/** The model's view of a token from the logits of its position, in double precision. */
export function factsAt(logits: Float32Array, token: number): TokenFacts {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const logSum = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  const entropy = logits.reduce((sum, logit) => sum - Math.exp(logit - logSum) * (logit - logSum), 0);
  const top = likeliest(logits, CHOICES).map(({ id, value }) => ({ id, logprob: value - logSum }));
  return { logprob: (logits[token] as number) - logSum, entropy, top };
}

/** The `count` largest logits, largest first; of equals the lower id first. */
export function likeliest(logits: Float32Array, count: number): { id: number; value: number }[] {
  const top: { id: number; value: number }[] = [];
  for (const [id, value] of logits.entries()) {
    if (top.length === count && value <= (top.at(-1)?.value as number)) continue;
    const place = top.findIndex((other) => value > other.value);
    top.splice(place === -1 ? top.length : place, 0, { id, value });
    if (top.length > count) top.pop();
  }
  return top;
}
