import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Verifier } from '../verify/verifier.ts';
import { Annotation } from './annotation.ts';
import { continueGreedily, factsAt, type Predictor } from './predictor.ts';
import type { AnnotationRecord, ResponseRecord } from './record.ts';
import { type RolloutRules, responseText } from './rollout.ts';
import type { SavingsObserver } from './savings.ts';

export interface SequentialOptions extends RolloutRules, Pick<SavingsObserver, 'onRollout'> {
  readonly predict: Predictor;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenText'>;
  readonly verifier: Verifier;
}

/**
 * The definition, step by step: for each token and each of its two alternatives put the alternative in its place, decode
 * greedily to the end, verify. Every prediction runs the whole sequence through the model again; nothing is kept, shared
 * or skipped. It is the reference that the batched way is tested against.
 */
export async function annotateSequential(
  response: ResponseRecord,
  options: SequentialOptions,
): Promise<AnnotationRecord> {
  const { predict, tokenizer, verifier } = options;
  const { promptIds, responseIds } = response;
  const facts = responseIds.map((token, t) => factsAt(predict([...promptIds, ...responseIds.slice(0, t)]), token));
  const annotation = new Annotation(response, facts, false);
  for (let rollout = annotation.next(); rollout !== undefined; rollout = annotation.next()) {
    const start = annotation.start(rollout);
    const result = continueGreedily(promptIds, start, predict, options);
    const [verdict] = await verifier.verify([
      { response: responseText(tokenizer, result.ids), answer: response.answer },
    ]);
    if (verdict === undefined) continue;
    annotation.settle(rollout, result, verdict);
    const outcome = verdict.correct ? 'correct' : 'wrong';
    options.onRollout?.({ outcome, decoded: result.ids.length - start.length, shared: 0, finish: result.finish });
  }
  return annotation.record(tokenizer.tokenText);
}
