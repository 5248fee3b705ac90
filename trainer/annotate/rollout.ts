import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';

/** A rollout: the response up to position t, another token there, and whatever the model says after it. */
export interface Rollout {
  readonly position: number;
  readonly rank: 2 | 3;
}

/** How a rollout ended. */
export interface RolloutResult {
  /** The response with the alternative: kept prefix, alternative, continuation. */
  readonly ids: readonly number[];
  /** decided: it was not gone on with, since its verdict could not change any more. */
  readonly finish: 'eos' | 'length' | 'decided';
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

/** What the tokens of a character that is not whole yet read as. */
const BROKEN_CHARACTER = '\uFFFD';

/** Whether the verdict of a response that begins with these tokens is known, whatever follows. */
export function isDecided(
  ids: readonly number[],
  answer: string,
  { tokenizer, verifier }: { readonly tokenizer: Pick<Tokenizer, 'decode'>; readonly verifier: Verifier },
): boolean {
  if (verifier.isFinal === undefined) return false;
  const text = responseText(tokenizer, ids);
  return !text.endsWith(BROKEN_CHARACTER) && verifier.isFinal(text, answer);
}

/**
 * Whether a growing response of that many tokens is worth asking about: a question costs as much as there is text, so that one after each
 * token would cost more than the tokens. One for each sixteenth of the length costs the same for each token.
 */
export function isTimeToAsk(length: number): boolean {
  return length % Math.ceil(length / 16) === 0;
}
