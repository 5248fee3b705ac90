import { CftError } from '../../crds/errors.ts';
import type { GenerateStage } from '../../crds/stage.ts';
import { CHOICES } from '../annotate/alternatives.ts';
import { readAllAnnotations } from '../annotate/files.ts';
import type { AnnotationRecord, ResponseRecord } from '../annotate/record.ts';
import type { Survey } from '../annotate/responses.ts';
import { scoredRecord } from '../annotate/scored.ts';
import { type TransferWay, transferMasks } from '../annotate/transfer.ts';
import type { Example } from '../data/examples.ts';
import { Scorer } from '../decode/scorer.ts';
import type { StageContext } from './context.ts';
import type { OpenModel } from './model.ts';

type Transfer = NonNullable<GenerateStage['params']['transfer']>;

/**
 * The examples that another model's annotations answer, with the responses that they have. They are found by id, else by the question.
 *
 * @throws CftError EmptyDataset if there are none
 */
export async function transferredResponses(examples: readonly Example[], { source }: Transfer): Promise<Example[]> {
  const known = await annotationsByKey(source);
  const answered = examples.flatMap((example) => {
    const found = known.get(example.id) ?? known.get(questionKey(example));
    return found === undefined ? [] : [{ ...example, response: found.response }];
  });
  if (answered.length > 0) return answered;
  throw new CftError('EmptyDataset', 'none of the training questions is among the annotations', {
    where: source,
    hint: 'annotate.transfer.source must be annotations of the same training data',
  });
}

/** The responses with the masks of another model's annotations, and this model's view of each token. Of the ways taken, `context.warn` is told where one is a guess. */
export async function* transferredAnnotations(
  responses: AsyncIterable<ResponseRecord>,
  { source }: Transfer,
  { longest: maxLength }: Pick<Survey, 'longest'>,
  model: OpenModel,
  context: StageContext,
): AsyncGenerator<AnnotationRecord> {
  const known = await annotationsByKey(source);
  const scorer = new Scorer(model.session, model, { origins: 1, maxLength, topK: CHOICES, name: 'transfer' });
  const ways: Record<TransferWay, number> = { tokens: 0, spans: 0, scores: 0 };
  for await (const response of responses) {
    const found = known.get(response.id) ?? known.get(questionKey(response));
    if (found === undefined)
      throw new CftError('InvalidRecord', `the annotations have no response to the question ${response.id}`, {
        where: source,
      });
    const scored = scoredRecord(response, scorer, model.tokenizer);
    const { masks, way } = transferMasks(found, scored);
    ways[way]++;
    yield { ...scored, masks };
  }
  context.logger.info('masks transferred', ways);
  if (ways.scores > 0)
    context.warn(
      'TransferByScore',
      `the tokens of ${ways.scores} of ${ways.tokens + ways.spans + ways.scores} responses could not be laid beside those of the annotations: their critical tokens were chosen by probability`,
    );
}

async function annotationsByKey(source: string): Promise<Map<string, AnnotationRecord>> {
  const known = new Map<string, AnnotationRecord>();
  for await (const record of readAllAnnotations(source)) {
    known.set(record.id, record);
    known.set(questionKey(record), record);
  }
  return known;
}

/** No id looks like this. */
function questionKey({ question }: { readonly question: string }): string {
  return `\0${question}`;
}
