import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** A rollout: the response up to position t, another token there, and whatever the model says after it. */
export interface Rollout {
  readonly position: number;
  readonly rank: 2 | 3;
}

/** How a rollout ended. */
export interface RolloutResult {
  /** The response with the alternative: kept prefix, alternative, continuation. */
  readonly ids: readonly number[];
  readonly finish: 'eos' | 'length';
  readonly margin: number | null;
}

/** What decides rollouts, beside the model: where responses end, and how long they may grow. */
export interface RolloutRules {
  readonly eosTokenIds: ReadonlySet<number>;
  /** Longest response in tokens, kept prefix and end token included: the budget of the original response. */
  readonly maxNewTokens: number;
}

/** The result of a rollout that is over before anything is decoded: its alternative ends it, or the budget is used up. */
export function immediateResult(ids: readonly number[], rules: RolloutRules): RolloutResult | undefined {
  if (rules.eosTokenIds.has(ids.at(-1) as number)) return { ids, finish: 'eos', margin: null };
  return ids.length >= rules.maxNewTokens ? { ids, finish: 'length', margin: null } : undefined;
}

/** A response as its verifier reads it: special tokens, the end token among them, are not text. */
export function responseText(tokenizer: Pick<Tokenizer, 'decode'>, ids: readonly number[]): string {
  return tokenizer.decode(ids, { skipSpecialTokens: true });
}
