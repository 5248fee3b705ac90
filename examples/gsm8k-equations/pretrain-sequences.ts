import type { Random } from '../../trainer/random.ts';
import type { Tokenizer } from '../../trainer/tokenizer/tokenizer.ts';
import type { WeightedSequence } from '../../trainer/train/sequence.ts';
import type { PretrainExample } from './pretrain-data.ts';

/** Steps whose sequences are drawn together. */
const POOL_STEPS = 16;

/**
 * The examples as token ids, an endless stream of which each `stepSize` in a row are of about the same length, so that they share their
 * padding; the order of the steps within sixteen is random. The loss is on the response and its end token.
 *
 * @param examples an endless stream
 */
export function* pretrainSequences(
  examples: Iterator<PretrainExample, never>,
  tokenizer: Pick<Tokenizer, 'encode' | 'eosTokenId'>,
  stepSize: number,
  order: Random,
): Generator<WeightedSequence, never> {
  for (;;) {
    const pool = Array.from({ length: POOL_STEPS * stepSize }, () =>
      weightedSequence(examples.next().value, tokenizer),
    ).sort((a, b) => a.ids.length - b.ids.length);
    const steps = Array.from({ length: POOL_STEPS }, (_, index) =>
      pool.slice(index * stepSize, (index + 1) * stepSize),
    );
    for (const step of order.shuffle(steps)) yield* step;
  }
}

function weightedSequence(
  { prompt, response }: PretrainExample,
  tokenizer: Pick<Tokenizer, 'encode' | 'eosTokenId'>,
): WeightedSequence {
  const promptIds = tokenizer.encode(prompt, { addSpecialTokens: false });
  const responseIds = [...tokenizer.encode(response, { addSpecialTokens: false }), tokenizer.eosTokenId];
  return {
    ids: [...promptIds, ...responseIds],
    weights: [...promptIds.map(() => 0), ...responseIds.map(() => 1)],
    promptLength: promptIds.length,
  };
}
