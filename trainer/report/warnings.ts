import type { DatasetResults, ReportData, StageFacts, Trial, Warning } from './data.ts';
import * as format from './format.ts';
import { BASE, objectiveOf } from './variants.ts';

type Facts = Omit<ReportData, 'warnings'>;

/** A stage's own warning, as it left it in its result. */
export interface StageWarning {
  readonly stage: string;
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
}

/** Below this share of critical tokens the method has little to train on. */
const LOW_RATIO = 0.05;
/** Above this share critical tokens are most of the text, so that training on them hardly differs from plain SFT. */
const HIGH_RATIO = 0.6;
const FEW_RESPONSES = 100;
/** Share of responses cut at the token limit, and of rollouts with a near-tie, that is worth a word. */
const MANY_CUT = 0.05;
const MANY_TIES = 0.01;
/** A variant's entropy below this share of the base model's has collapsed. */
const COLLAPSED = 0.5;
/** Width of an accuracy's interval above which most differences drown. */
const WIDE = 0.1;

/** What the reader should know before trusting the numbers: what the stages said, then what the numbers themselves show. */
export function warningsOf(facts: Facts, fromStages: readonly StageWarning[]): Warning[] {
  const computed = [
    ...stageWarnings(facts.run.stages),
    ...criticalWarnings(facts),
    ...generateWarnings(facts),
    ...trialWarnings(facts.trials),
    ...facts.results.flatMap((results) => resultWarnings(results, facts)),
  ];
  const known = new Set(computed.map(({ reason }) => reason));
  const said = distinct(fromStages.filter((warning) => !known.has(reasonOf(warning))));
  return [...computed, ...said];
}

/** Stages may leave their warnings as plain sentences; these two are also computed here, from all shards together. */
function reasonOf({ kind, reason, message }: StageWarning): string {
  if (kind === 'annotate' && message.includes('of the tokens are critical')) return 'CriticalRatioLow';
  if (kind === 'generate' && message.includes('reached maxNewTokens')) return 'ResponsesCutOff';
  return reason;
}

function stageWarnings(stages: readonly StageFacts[]): Warning[] {
  const failed = stages.filter(({ state }) => state === 'failed');
  const unfinished = stages.filter(({ state }) => state === 'unfinished');
  const list = (some: readonly StageFacts[]) => format.listed(some.map(({ name }) => name));
  return [
    ...(failed.length === 0
      ? []
      : [
          warning(
            'StageFailed',
            `Failed: ${list(failed)}. What they would have added is missing here.`,
            'See log.jsonl in the directory of the stage.',
          ),
        ]),
    ...(unfinished.length === 0
      ? []
      : [warning('StageUnfinished', `Not finished when this page was made: ${list(unfinished)}.`, undefined)]),
  ];
}

function criticalWarnings({ criticality, run }: Facts): Warning[] {
  if (criticality === undefined || criticality.tokens === 0) return [];
  const { tokens, strict2, strict3, responses, nearTies, rollouts } = criticality;
  const ratio = (run.criterion === 'strict-2' ? strict2 : strict3) / tokens;
  const result: Warning[] = [];
  if (ratio < LOW_RATIO)
    result.push(
      warning(
        'CriticalRatioLow',
        `Only ${format.percent(ratio)} of the tokens are critical (${run.criterion}): training on them has little to learn from.`,
        run.criterion === 'strict-3'
          ? `Set annotate.criterion to strict-2, under which ${format.percent(strict2 / tokens)} are; the annotations hold both masks already.`
          : 'Use questions that the model finds harder: where it is sure, no replacement breaks the answer.',
      ),
    );
  if (ratio > HIGH_RATIO)
    result.push(
      warning(
        'CriticalRatioHigh',
        `${format.percent(ratio, 0)} of the tokens are critical: training on them differs little from plain SFT.`,
        run.criterion === 'strict-2'
          ? 'Set annotate.criterion to strict-3.'
          : 'Responses with more free wording suit the method better.',
      ),
    );
  if (responses < FEW_RESPONSES)
    result.push(
      warning(
        'FewResponses',
        `Only ${format.counted(responses, 'response')} were kept and annotated.`,
        'Thousands are usual: generate for more questions.',
      ),
    );
  const ran = rollouts.correct + rollouts.wrong;
  if (ran > 0 && nearTies / ran > MANY_TIES)
    result.push(
      warning(
        'NearTies',
        `In ${format.counted(nearTies, 'rollout')} (${format.percent(nearTies / ran)}) two tokens were once almost equally likely: on another machine these could end differently.`,
        undefined,
      ),
    );
  return result;
}

function generateWarnings({ run: { generated } }: Facts): Warning[] {
  if (generated === undefined || generated.questions === 0) return [];
  const cut = generated.cut / generated.questions;
  if (cut <= MANY_CUT) return [];
  return [
    warning(
      'ResponsesCutOff',
      `${format.percent(cut, 0)} of the generated responses reached the token limit before they ended.`,
      'Raise generate.maxNewTokens, unless the model is repeating itself.',
    ),
  ];
}

function trialWarnings(trials: readonly Trial[]): Warning[] {
  const result: Warning[] = [];
  const skipping = trials.filter(({ skippedSteps }) => (skippedSteps ?? 0) > 0);
  if (skipping.length > 0) {
    const most = skipping.reduce((a, b) => ((b.skippedSteps ?? 0) > (a.skippedSteps ?? 0) ? b : a));
    result.push(
      warning(
        'EmptyBatches',
        `${format.counted(most.skippedSteps ?? 0, 'step')} of ${format.count(most.steps ?? 0)} in ${most.name} had no token to train on and changed nothing${
          skipping.length > 1 ? `; ${format.counted(skipping.length - 1, 'other trial')} had such steps too` : ''
        }.`,
        'Use a larger batch.',
      ),
    );
  }
  for (const { name, chosen, bestStep } of trials)
    if (chosen && bestStep === 0)
      result.push(
        warning(
          'NoImprovement',
          `On the validation split no step of ${name} did better than the weights it started from, so these were kept.`,
          'Try a lower learning rate.',
        ),
      );
  for (const [variant, mine] of Map.groupBy(trials, (trial) => trial.variant)) {
    const rates = [...new Set(mine.flatMap((trial) => trial.learningRate ?? []))].sort((a, b) => a - b);
    const chosen = new Set(mine.flatMap((trial) => (trial.chosen ? (trial.learningRate ?? []) : [])));
    const [best, ...others] = chosen;
    // Seeds that disagree on the best rate do not point beyond the range.
    if (rates.length < 2 || best === undefined || others.length > 0) continue;
    const edge = best === rates[0] ? 'lowest' : best === rates.at(-1) ? 'highest' : undefined;
    if (edge !== undefined)
      result.push(
        warning(
          'SweepEdge',
          `The best learning rate of ${variant}, ${format.learningRate(best)}, is the ${edge} that was tried: a ${edge === 'lowest' ? 'lower' : 'higher'} one may do better.`,
          `Add a ${edge === 'lowest' ? 'lower' : 'higher'} one to learningRates.`,
        ),
      );
  }
  return result;
}

function resultWarnings({ dataset, rows, comparisons }: DatasetResults, { trials }: Facts): Warning[] {
  const result: Warning[] = [];
  const base = rows.find(({ variant }) => variant === BASE);
  const widest = Math.max(...rows.map(({ low, high }) => high - low));
  if (widest > WIDE)
    result.push(
      warning(
        'FewQuestions',
        `With ${format.counted(rows[0]?.count ?? 0, 'question')} on ${dataset}, accuracies are known to ±${((widest / 2) * 100).toFixed(0)} points only.`,
        'Evaluate on more questions to see smaller differences.',
      ),
    );
  for (const { first, second, distinct, difference } of comparisons)
    if (first === BASE && distinct && difference < 0)
      result.push(
        warning(
          'AccuracyFell',
          `${second} is ${(-difference * 100).toFixed(1)} points worse than the base model on ${dataset}.`,
          'Try lower learning rates, or more kept responses.',
        ),
      );
  for (const { variant, entropy } of rows) {
    const before = base?.entropy.all;
    if (variant === BASE || before === undefined || entropy.all === undefined) continue;
    if (entropy.all < before * COLLAPSED)
      result.push(
        warning(
          'EntropyCollapsed',
          `${variant} has lost ${format.percent(1 - entropy.all / before, 0)} of the base model’s token entropy on ${dataset}.`,
          objectiveOf(variant, trials) === 'all'
            ? 'Plain SFT tends to do this; compare pass@k.'
            : 'Lower the learning rate or train for fewer epochs.',
        ),
      );
  }
  return result;
}

function distinct(warnings: readonly StageWarning[]): Warning[] {
  const groups = Map.groupBy(warnings, ({ reason, message }) => `${reason} ${message}`);
  return [...groups.values()].flatMap((same) => {
    const first = same[0];
    if (first === undefined) return [];
    const stages = format.listed(same.map(({ stage }) => stage));
    return warning(first.reason, `${stages}: ${first.message}`, undefined);
  });
}

function warning(reason: string, message: string, advice: string | undefined): Warning {
  return { reason, message, advice };
}
