import type { ScoreOutput, Scorer } from '../decode/scorer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Annotation, type TokenFacts } from './annotation.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';

/** Something that runs whole sequences through a model and keeps them; see Scorer. */
type Scores = Pick<Scorer, 'score' | 'topK'>;

/** The model's view of a response's tokens. The response's keys and values stay with the scorer as an origin. */
export function scoreResponse(
  { promptIds, responseIds }: Pick<ResponseRecord, 'promptIds' | 'responseIds'>,
  origin: number,
  scorer: Scores,
): TokenFacts[] {
  const score = scorer.score(origin, [...promptIds, ...responseIds]);
  return factsOf(score, promptIds.length - 1, responseIds.length, scorer.topK);
}

/** A response's record without any rollout: every alternative skipped, no token critical. */
export function scoredRecord(
  response: ResponseRecord,
  scorer: Scores,
  tokenizer: Pick<Tokenizer, 'tokenText'>,
): AnnotationRecord {
  return new Annotation(response, scoreResponse(response, 0, scorer), true).record(tokenizer.tokenText);
}

/** The facts of `count` tokens, the first of them predicted at row `first`. */
function factsOf(score: ScoreOutput, first: number, count: number, k: number): TokenFacts[] {
  return Array.from({ length: count }, (_, t) => {
    const row = first + t;
    const top = Array.from({ length: k }, (_, i) => ({
      id: score.topIds[row * k + i] as number,
      logprob: score.topLogprobs[row * k + i] as number,
    }));
    return { logprob: score.logprob[row] as number, entropy: score.entropy[row] as number, top };
  });
}
