import type { ScoreOutput, Scorer } from '../decode/scorer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Annotation, type TokenFacts } from './annotation.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';

/** Something that runs whole sequences through a model and keeps them; see Scorer. */
type Scores = Pick<Scorer, 'scoreAll' | 'topK'>;

/** A response, and the origin that its keys and values are kept as. */
export interface Placed {
  readonly response: Pick<ResponseRecord, 'promptIds' | 'responseIds'>;
  readonly origin: number;
}

/** The model's view of each response's tokens. The responses' keys and values stay with the scorer. */
export function scoreResponses(placed: readonly Placed[], scorer: Scores): TokenFacts[][] {
  const items = placed.map(({ origin, response }) => ({
    origin,
    ids: [...response.promptIds, ...response.responseIds],
  }));
  return scorer.scoreAll(items).map((score, i) => factsOf(score, (placed[i] as Placed).response, scorer.topK));
}

/** A response's record without any rollout: every alternative skipped, no token critical. */
export function scoredRecord(
  response: ResponseRecord,
  scorer: Scores,
  tokenizer: Pick<Tokenizer, 'tokenText'>,
): AnnotationRecord {
  const [facts = []] = scoreResponses([{ response, origin: 0 }], scorer);
  return new Annotation(response, facts, true).record(tokenizer.tokenText);
}

function factsOf(score: ScoreOutput, { promptIds, responseIds }: Placed['response'], k: number): TokenFacts[] {
  return responseIds.map((_, t) => {
    const row = promptIds.length - 1 + t;
    const top = Array.from({ length: k }, (_, i) => ({
      id: score.topIds[row * k + i] as number,
      logprob: score.topLogprobs[row * k + i] as number,
    }));
    return { logprob: score.logprob[row] as number, entropy: score.entropy[row] as number, top };
  });
}
