import type { AnnotateStage, EvaluateStage, Stage, StageResult } from '../crds/stage.ts';

/** What came out of a run, for the table at its end and for programs. Ratios are from 0 to 1, entropies in nats. */
export interface Summary {
  readonly datasets: readonly { readonly name: string; readonly rows: readonly SummaryRow[] }[];
  /** Critical tokens among the annotated ones, under the run's criterion. */
  readonly criticalRatio: number | undefined;
  readonly warnings: readonly SummaryWarning[];
}

/** One model on one data set: the base model, or the best trials of a variant. */
export interface SummaryRow {
  readonly variant: string;
  readonly accuracy: number;
  /** 95 % Wilson interval of the accuracy. */
  readonly accuracyLow: number | undefined;
  readonly accuracyHigh: number | undefined;
  readonly count: number | undefined;
  readonly entropy: number | undefined;
  readonly passAt: readonly { readonly k: number; readonly value: number }[];
  /** Weighted tokens over all steps, and the learning rate, of the trial that stands for the variant; with several seeds their mean, if they agree. */
  readonly tokensTrained: number | undefined;
  readonly learningRate: number | undefined;
  /** For variants that train on the critical tokens. */
  readonly criticalRatio: number | undefined;
}

export interface SummaryWarning {
  readonly stage: string;
  readonly message: string;
}

/** Under this share of critical tokens there is little to train on. */
const LOW_CRITICAL_RATIO = 0.05;

type Results = ReadonlyMap<string, StageResult>;

/**
 * The summary of a run from its stages' results, which may be incomplete. Metrics are read by these names:
 * evaluate `accuracy`, `accuracyLow`, `accuracyHigh`, `count`, `entropy`, `passAt<k>`, each as `<data set>/<name>` if there are several data
 * sets; train `tokensTrained`; annotate `criticalRatio`, `tokens`.
 */
export function summarize(stages: readonly Stage[], results: Results): Summary {
  const criticalRatio = criticalShare(stages, results);
  const evaluations = stages.filter((stage) => stage.kind === 'evaluate' && results.has(stage.name)) as EvaluateStage[];
  const names = [...new Set(evaluations.flatMap(({ params }) => params.datasets.map(({ name }) => name)))];
  const datasets = names.map((name) => ({
    name,
    rows: evaluations.flatMap((stage) => rowOf(stage, name, stages, results, criticalRatio) ?? []),
  }));
  const warnings = [
    ...ownWarnings(stages, results),
    ...lowRatio(stages, results, criticalRatio),
    ...datasets.flatMap(({ name, rows }) => drops(name, rows)),
  ];
  return { datasets, criticalRatio, warnings };
}

function rowOf(
  stage: EvaluateStage,
  dataset: string,
  stages: readonly Stage[],
  results: Results,
  criticalRatio: number | undefined,
): SummaryRow | undefined {
  const metrics = results.get(stage.name)?.metrics ?? {};
  const prefix = stage.params.datasets.length > 1 ? `${dataset}/` : '';
  const metric = (name: string) => metrics[`${prefix}${name}`];
  const accuracy = metric('accuracy');
  if (accuracy === undefined) return undefined;
  const chosen = chosenTrials(stage, results);
  const critical = stages.some(
    ({ kind, params }) =>
      kind === 'train' &&
      'variant' in params &&
      params.variant === stage.params.target &&
      params.objective === 'critical',
  );
  return {
    variant: stage.params.target,
    accuracy,
    accuracyLow: metric('accuracyLow'),
    accuracyHigh: metric('accuracyHigh'),
    count: metric('count'),
    entropy: metric('entropy'),
    passAt: stage.params.k.flatMap((k) => {
      const value = metric(`passAt${k}`);
      return value === undefined ? [] : [{ k, value }];
    }),
    tokensTrained: mean(chosen.flatMap(({ stage: trial }) => results.get(trial)?.metrics.tokensTrained ?? [])),
    learningRate: common(chosen.map(({ learningRate }) => learningRate)),
    criticalRatio: critical ? criticalRatio : undefined,
  };
}

/** The trials that an evaluation was of; its artifacts name their directories. */
function chosenTrials({ name, params }: EvaluateStage, results: Results): EvaluateStage['params']['candidates'] {
  const paths = new Set(Object.values(results.get(name)?.artifacts ?? {}));
  return params.candidates.length === 1 ? params.candidates : params.candidates.filter(({ path }) => paths.has(path));
}

function criticalShare(stages: readonly Stage[], results: Results): number | undefined {
  let [critical, tokens] = [0, 0];
  for (const { name, kind } of stages) {
    const metrics = kind === 'annotate' ? results.get(name)?.metrics : undefined;
    if (metrics?.criticalRatio === undefined) continue;
    const weight = metrics.tokens ?? 1;
    critical += metrics.criticalRatio * weight;
    tokens += weight;
  }
  return tokens === 0 ? undefined : critical / tokens;
}

/** What the stages themselves warned of: the message of a result that succeeded, one warning a line. */
function ownWarnings(stages: readonly Stage[], results: Results): SummaryWarning[] {
  return stages.flatMap(({ name }) => {
    const result = results.get(name);
    if (result?.status !== 'succeeded' || result.message === undefined) return [];
    return result.message.split('\n').map((message) => ({ stage: name, message }));
  });
}

function lowRatio(stages: readonly Stage[], results: Results, ratio: number | undefined): SummaryWarning[] {
  const annotation = stages.find((stage): stage is AnnotateStage => stage.kind === 'annotate');
  if (annotation === undefined || ratio === undefined || ratio >= LOW_CRITICAL_RATIO) return [];
  if (stages.some(({ name, kind }) => kind === 'annotate' && results.get(name)?.message !== undefined)) return [];
  const advice = annotation.params.criterion === 'strict-3' ? ': consider annotate.criterion strict-2' : '';
  return [
    { stage: annotation.name, message: `only ${(100 * ratio).toFixed(1)} % of the tokens are critical${advice}` },
  ];
}

/** Variants whose accuracy fell below the interval of the base model's. */
function drops(dataset: string, rows: readonly SummaryRow[]): SummaryWarning[] {
  const base = rows.find(({ variant }) => variant === 'base');
  return rows.flatMap(({ variant, accuracy }) =>
    base?.accuracyLow === undefined || accuracy >= base.accuracyLow
      ? []
      : [
          {
            stage: `evaluate-${variant}`,
            message: `accuracy on ${dataset} fell from ${percent(base.accuracy)} to ${percent(accuracy)}: consider lower learning rates`,
          },
        ],
  );
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function common(values: readonly number[]): number | undefined {
  return new Set(values).size === 1 ? values[0] : undefined;
}
