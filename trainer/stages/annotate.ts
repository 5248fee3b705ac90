import { join } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import type { AnnotateStage } from '../../crds/stage.ts';
import { annotateBatched } from '../annotate/batched.ts';
import { fullForward } from '../annotate/full-forward.ts';
import type { AnnotationRecord, ResponseRecord } from '../annotate/record.ts';
import { correctResponses, type Survey, surveyResponses } from '../annotate/responses.ts';
import type { SavingsObserver } from '../annotate/savings.ts';
import { annotateSequential } from '../annotate/sequential.ts';
import { engineShape } from '../annotate/shape.ts';
import { LOW_CRITICAL_RATIO, Tally } from '../annotate/tally.ts';
import { BranchEngine } from '../decode/branch-engine.ts';
import { createVerifier } from '../verify/create.ts';
import type { StageContext, StageOutcome } from './context.ts';
import { type OpenModel, openModel } from './model.ts';
import { OrderedLines } from './ordered-lines.ts';
import { transferredAnnotations } from './transfer.ts';

/**
 * Finds the critical tokens of the shard's correct responses. Goes on where it stopped: a response that is in the output is not
 * annotated again.
 *
 * @throws CftError NoCorrectResponse if the shard is the only one and has no correct response, NoCriticalToken if none of the
 *   run's tokens is critical
 */
export async function annotate(stage: AnnotateStage, context: StageContext): Promise<StageOutcome> {
  const { params } = stage;
  const input = join(stage.runDir, params.input);
  const responses = (from: number) => correctResponses(input, from, params.maxSamples);
  const survey = await surveyResponses(responses(0));
  const total = survey.ids.length;
  if (total === 0 && params.shard.count === 1)
    throw new CftError('NoCorrectResponse', 'there is no correct response to annotate', {
      where: input,
      hint: 'see what the model answered in this file',
    });
  const path = join(stage.runDir, params.output);
  const tally = new Tally(params.criterion);
  const lines = await OrderedLines.open<AnnotationRecord>({
    path,
    ids: survey.ids,
    idOf: ({ id }) => id,
    onExisting: (record) => tally.add(record),
  });
  const progress = () => context.progress.update({ phase: 'annotate', done: tally.responses, total });
  progress();
  try {
    if (tally.responses < total) {
      const model = await openModel(params.model.source, context, { precision: params.model.precision });
      try {
        for await (const record of annotations(responses(tally.responses), survey, params, model, context)) {
          await lines.add(tally.responses, record);
          tally.add(record);
          tell(tally, record, context);
          progress();
          await context.cancellationPoint();
        }
      } finally {
        model.close();
      }
    }
  } finally {
    await lines.close();
  }
  return outcome(tally, stage, context);
}

/** @param survey of all responses of the shard, those that have their annotation already included */
function annotations(
  responses: AsyncIterable<ResponseRecord>,
  survey: Survey,
  params: AnnotateStage['params'],
  model: OpenModel,
  context: StageContext,
): AsyncGenerator<AnnotationRecord> {
  if (params.transfer !== undefined) return transferredAnnotations(responses, params.transfer, survey, model, context);
  const { tokenizer, session } = model;
  const common = {
    ...countingInto(context.metrics),
    tokenizer,
    verifier: createVerifier(params.verifier),
    eosTokenIds: new Set(tokenizer.eosTokenIds),
    maxNewTokens: params.maxNewTokens,
  };
  const longest = Math.max(survey.longest, survey.longestPrompt + params.maxNewTokens);
  const predict = fullForward(session, model, longest);
  if (params.mode === 'sequential') return oneByOne(responses, { ...common, predict });
  const { savings, recheckMargin: margin } = params;
  const shape = engineShape({ ...survey, ...params }, savings);
  const engine = new BranchEngine(session, model, { ...shape, eosTokenIds: common.eosTokenIds });
  const recheck = {
    margin,
    predict,
    onRecheck: (changed: boolean) =>
      context.metrics.inc('cft_annotate_rechecks_total', { outcome: changed ? 'changed' : 'same' }),
  };
  return annotateBatched(responses, { ...common, engine, savings, recheck });
}

function countingInto(metrics: StageContext['metrics']): SavingsObserver {
  return {
    onRollout: ({ outcome, decoded, shared, finish }) => {
      metrics.inc('cft_annotate_rollouts_total', { outcome });
      metrics.inc('cft_decode_tokens_total', {}, decoded);
      metrics.inc('cft_annotate_shared_tokens_total', {}, shared);
      if (finish === 'decided') metrics.inc('cft_annotate_early_stops_total', {});
    },
    onStep: ({ busy, idle, accepted, rejected }) => {
      metrics.inc('cft_annotate_slot_steps_total', { state: 'busy' }, busy);
      metrics.inc('cft_annotate_slot_steps_total', { state: 'idle' }, idle);
      metrics.inc('cft_annotate_draft_tokens_total', { outcome: 'accepted' }, accepted);
      metrics.inc('cft_annotate_draft_tokens_total', { outcome: 'rejected' }, rejected);
    },
  };
}

async function* oneByOne(
  responses: AsyncIterable<ResponseRecord>,
  options: Parameters<typeof annotateSequential>[1],
): AsyncGenerator<AnnotationRecord> {
  for await (const response of responses) yield await annotateSequential(response, options);
}

function tell(tally: Tally, { tokens }: AnnotationRecord, { metrics }: StageContext): void {
  const skipped = tokens.flatMap(({ alternatives }) => alternatives).filter(({ outcome }) => outcome === 'skipped');
  metrics.inc('cft_annotate_rollouts_total', { outcome: 'skipped' }, skipped.length);
  metrics.inc('cft_annotate_responses_total', {});
  for (const criterion of ['strict-2', 'strict-3'] as const)
    metrics.set('cft_annotate_critical_ratio', { criterion }, tally.ratio(criterion));
  for (const tokens of ['all', 'critical', 'other'] as const) {
    const nats = tally.entropy(tokens);
    if (Number.isFinite(nats)) metrics.set('cft_token_entropy_nats', { tokens }, nats);
  }
}

function outcome(tally: Tally, { params }: AnnotateStage, context: StageContext): StageOutcome {
  const { criterion, shard, output } = params;
  const ratio = tally.ratio();
  if (ratio === 0 && shard.count === 1)
    throw new CftError(
      'NoCriticalToken',
      `none of the ${tally.tokens} response tokens is critical under ${criterion}`,
      {
        where: output,
        hint:
          criterion === 'strict-3'
            ? 'try annotate.criterion strict-2, which asks for less'
            : 'the answers do not depend on single tokens: does the verifier tell right from wrong?',
      },
    );
  if (ratio < LOW_CRITICAL_RATIO && criterion === 'strict-3')
    context.warn(
      'CriticalRatioLow',
      `only ${(100 * ratio).toFixed(1)} % of the tokens are critical under strict-3; strict-2 gives ${(100 * tally.ratio('strict-2')).toFixed(1)} %: consider annotate.criterion strict-2`,
    );
  if (tally.withoutCritical > 0)
    context.logger.info('some responses have no critical token and are not trained on', {
      responses: tally.withoutCritical,
    });
  const metrics: Record<string, number> = {
    responses: tally.responses,
    tokens: tally.tokens,
    criticalRatio: ratio,
    criticalRatioStrict2: tally.ratio('strict-2'),
    criticalRatioStrict3: tally.ratio('strict-3'),
    entropy: tally.entropy('all'),
    entropyCritical: tally.entropy('critical'),
    entropyOther: tally.entropy('other'),
    rollouts: tally.rollouts.correct + tally.rollouts.wrong,
    rolloutsSkipped: tally.rollouts.skipped,
    withoutCritical: tally.withoutCritical,
  };
  return {
    metrics: Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value))),
    artifacts: { annotations: output },
  };
}
