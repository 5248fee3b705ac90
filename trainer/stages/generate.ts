import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import type { GenerateStage } from '../../crds/stage.ts';
import type { ResponseRecord } from '../annotate/record.ts';
import type { Example } from '../data/examples.ts';
import { DecodeEngine } from '../decode/engine.ts';
import { respond } from '../evaluate/respond.ts';
import { createVerifier } from '../verify/create.ts';
import type { Verifier } from '../verify/verifier.ts';
import type { StageContext, StageOutcome } from './context.ts';
import { loadSplit, shardOf } from './examples.ts';
import { type OpenModel, openModel } from './model.ts';
import { OrderedLines } from './ordered-lines.ts';
import { transferredResponses } from './transfer.ts';

interface Counts {
  correct: number;
  wrong: number;
  unfinished: number;
}

/**
 * Lets the model answer the shard's questions greedily and verifies each answer. Where the data brings responses, those are
 * verified instead. Writes every response with its verdict; annotation takes the correct ones.
 *
 * @throws CftError NoCorrectResponse if none is correct and there is no other shard
 */
export async function generate(stage: GenerateStage, context: StageContext): Promise<StageOutcome> {
  const { params } = stage;
  const model = await openModel(params.model.source, context, { precision: params.model.precision });
  try {
    const { train } = await loadSplit(params, model.tokenizer, context.warn);
    const asked = params.transfer === undefined ? train : await transferredResponses(train, params.transfer);
    const examples = shardOf(asked, params.shard, params.maxSamples);
    const path = join(stage.runDir, params.output);
    const counts = { correct: 0, wrong: 0, unfinished: 0 };
    const done = () => counts.correct + counts.wrong;
    const lines = await OrderedLines.open<ResponseRecord>({
      path,
      ids: examples.map(({ id }) => id),
      idOf: ({ id }) => id,
      onExisting: (record) => count(counts, record),
    });
    const offset = done();
    context.progress.update({ phase: 'generate', done: done(), total: examples.length });
    const verifier = createVerifier(params.verifier);
    try {
      for await (const records of responses(examples.slice(offset), params, model, verifier, context)) {
        for (const { index, record } of records) {
          await lines.add(offset + index, record);
          count(counts, record);
          context.metrics.inc('cft_generate_responses_total', { outcome: record.correct ? 'correct' : 'wrong' });
        }
        context.progress.update({ phase: 'generate', done: done(), total: examples.length });
        await context.cancellationPoint();
      }
    } finally {
      await lines.close();
    }
    if (counts.correct === 0 && params.shard.count === 1)
      throw new CftError(
        'NoCorrectResponse',
        `none of the ${examples.length} responses is correct: there is nothing to annotate`,
        {
          where: path,
          hint: 'read some responses in this file: the prompt template, generate.maxNewTokens or the verifier may not fit the model',
        },
      );
    if (counts.unfinished > examples.length / 10)
      context.warn(
        'ResponsesCutOff',
        `${counts.unfinished} of ${examples.length} responses reached maxNewTokens ${params.maxNewTokens} before they ended`,
      );
    return {
      metrics: {
        questions: examples.length,
        correct: counts.correct,
        accuracy: counts.correct / examples.length,
        unfinished: counts.unfinished,
      },
      artifacts: { responses: params.output },
    };
  } finally {
    model.close();
  }
}

interface Indexed {
  readonly index: number;
  readonly record: ResponseRecord;
}

async function* responses(
  examples: readonly Example[],
  params: GenerateStage['params'],
  model: OpenModel,
  verifier: Verifier,
  context: StageContext,
): AsyncGenerator<Indexed[]> {
  const given = examples.flatMap((example, index) => (example.response === undefined ? [] : [{ example, index }]));
  if (given.length > 0) yield await givenResponses(given, params, model, verifier);
  const asked = examples.flatMap((example, index) => (example.response === undefined ? [{ ...example, index }] : []));
  if (asked.length === 0) return;
  const longest = asked.reduce((most, { promptIds }) => Math.max(most, promptIds.length), 0);
  const slots = Math.min(params.batchSize, asked.length);
  const engine = new DecodeEngine(model.session, model, {
    slots,
    maxLength: longest + params.maxNewTokens,
    eosTokenIds: new Set(model.tokenizer.eosTokenIds),
  });
  for await (const finished of respond(asked, {
    engine,
    tokenizer: model.tokenizer,
    verifier,
    maxNewTokens: params.maxNewTokens,
  })) {
    context.metrics.inc(
      'cft_decode_tokens_total',
      {},
      finished.reduce((sum, { responseIds }) => sum + responseIds.length, 0),
    );
    yield finished.map(({ task, responseIds, response, finish, verdict }) => ({
      index: task.index,
      record: recordOf(task, responseIds, response, finish, verdict),
    }));
  }
}

/** Responses that came with the data, cut at the budget as the model's own would be. */
async function givenResponses(
  given: readonly { example: Example; index: number }[],
  { maxNewTokens }: GenerateStage['params'],
  { tokenizer }: OpenModel,
  verifier: Verifier,
): Promise<Indexed[]> {
  const encoded = given.map(({ example }) => {
    const ids = [
      ...tokenizer.encode(example.response as string, { addSpecialTokens: false, literal: true }),
      tokenizer.eosTokenId,
    ];
    return ids.length > maxNewTokens
      ? { ids: ids.slice(0, maxNewTokens), finish: 'length' as const }
      : { ids, finish: 'eos' as const };
  });
  const texts = encoded.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true }));
  const verdicts = await verifier.verify(
    given.map(({ example }, i) => ({ response: texts[i] as string, answer: example.answer })),
  );
  return given.map(({ example, index }, i) => {
    const { ids, finish } = encoded[i] as (typeof encoded)[number];
    return {
      index,
      record: recordOf(example, ids, texts[i] as string, finish, verdicts[i] as (typeof verdicts)[number]),
    };
  });
}

function recordOf(
  { id, question, answer, prompt, promptIds }: Example,
  responseIds: readonly number[],
  response: string,
  finish: 'eos' | 'length',
  { correct, extracted, expected }: Awaited<ReturnType<Verifier['verify']>>[number],
): ResponseRecord {
  return {
    id,
    question,
    answer,
    prompt,
    promptIds: [...promptIds],
    response,
    responseIds: [...responseIds],
    finish,
    correct,
    extracted: extracted ?? null,
    expected,
  };
}

function count(counts: Counts, { correct, finish }: Pick<ResponseRecord, 'correct' | 'finish'>): void {
  if (correct) counts.correct++;
  else counts.wrong++;
  if (finish === 'length') counts.unfinished++;
}
