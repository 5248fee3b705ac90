import { join } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../../crds/files.ts';
import type { TrainStage } from '../../crds/stage.ts';
import type { Example } from '../data/examples.ts';
import { DecodeEngine } from '../decode/engine.ts';
import { respond } from '../evaluate/respond.ts';
import { readJsonFile } from '../train/json-file.ts';
import type { TrainedModel } from '../train/programs.ts';
import type { WeightedSequence } from '../train/sequence.ts';
import type { ValidationOptions } from '../train/validation.ts';
import { createVerifier } from '../verify/create.ts';
import type { StageContext } from './context.ts';
import type { OpenModel } from './model.ts';

export interface ValidationRequest {
  /** Of the validation split. */
  readonly examples: readonly Example[];
  readonly model: OpenModel;
  /** The same model with what training adds to it. */
  readonly trained: Pick<TrainedModel, 'parameters'>;
  readonly params: TrainStage['params'];
  /** Of the trial. */
  readonly dir: string;
  readonly context: StageContext;
}

/** What the model answered before training: kept, since the weights that answered are gone after a restart. */
const Start = z.object({
  accuracy: z.number(),
  sequences: z.array(z.object({ id: z.string(), ids: z.array(z.int()), promptLength: z.int() })),
});

/**
 * How a trial is validated: greedy accuracy on the questions of the validation split; loss and entropy on every token of responses to
 * them: those that the data brings, elsewhere those of the starting model's own answers that are correct, as in training. These responses are the same
 * for every objective, so that the losses of trials can be compared.
 *
 * @returns undefined if there is no question to validate on
 */
export async function openValidation(request: ValidationRequest): Promise<ValidationOptions | undefined> {
  const { model, trained, params, dir, context } = request;
  const { maxSamples, batchSize, maxNewTokens } = params.validation;
  const examples = request.examples.slice(0, maxSamples);
  if (examples.length === 0) {
    if (params.validationFraction > 0)
      context.warn('NoValidation', 'the validation split is empty: the last weights are kept, not the best ones');
    return undefined;
  }
  const longest = examples.reduce((most, { promptIds }) => Math.max(most, promptIds.length), 0);
  const engine = new DecodeEngine(
    model.session,
    { config: model.config, parameters: trained.parameters },
    { slots: Math.min(batchSize, examples.length), maxLength: longest + maxNewTokens, name: 'validation' },
  );
  const answer = async (): Promise<z.output<typeof Start>> => {
    const responses = new Map<number, { ids: readonly number[]; correct: boolean }>();
    const options = { engine, tokenizer: model.tokenizer, verifier: createVerifier(params.verifier), maxNewTokens };
    for await (const finished of respond(examples, options)) {
      for (const { index, responseIds, verdict } of finished)
        responses.set(index, { ids: responseIds, correct: verdict.correct });
      await context.cancellationPoint();
    }
    return summarize(examples, responses, model, maxNewTokens);
  };
  const path = join(dir, 'validation.json');
  let start = await readJsonFile(path, Start);
  if (start === undefined) {
    start = await answer();
    await writeJsonAtomic(path, start, { compact: true });
  }
  return {
    sequences: start.sequences.map(withWeights),
    batchSize: params.batchSize,
    startAccuracy: start.accuracy,
    accuracy: async () => (await answer()).accuracy,
  };
}

function summarize(
  examples: readonly Example[],
  responses: ReadonlyMap<number, { ids: readonly number[]; correct: boolean }>,
  { tokenizer }: OpenModel,
  maxNewTokens: number,
): z.output<typeof Start> {
  let correct = 0;
  const sequences = examples.flatMap(({ id, promptIds, response }, index) => {
    const own = responses.get(index);
    if (own?.correct) correct++;
    const given =
      response === undefined
        ? undefined
        : [...tokenizer.encode(response, { addSpecialTokens: false, literal: true }), tokenizer.eosTokenId];
    const ids = given?.slice(0, maxNewTokens) ?? (own?.correct ? own.ids : undefined);
    return ids === undefined ? [] : [{ id, ids: [...promptIds, ...ids], promptLength: promptIds.length }];
  });
  return { accuracy: correct / examples.length, sequences };
}

function withWeights({ id, ids, promptLength }: z.output<typeof Start>['sequences'][number]): WeightedSequence {
  return { id, ids, promptLength, weights: ids.map((_, place) => (place > 0 && place >= promptLength ? 1 : 0)) };
}
