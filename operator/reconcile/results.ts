import type { CftRun, CftRunStatus } from '../../crds/cftrun.ts';
import type { EvaluateStage, StageResult } from '../../crds/stage.ts';
import { isIndexed } from '../jobs/groups.ts';
import type { GroupView } from './observe.ts';

type Results = NonNullable<CftRunStatus['results']>;
type Artifacts = NonNullable<CftRunStatus['artifacts']>;

const MAX_RESULTS = 1024;
const MAX_ARTIFACTS = 256;

/** Metrics of annotation that are means over tokens, by the name they get in the run's results. */
const PER_TOKEN: Readonly<Record<string, string>> = {
  criticalRatio: 'critical-ratio',
  entropy: 'entropy/all',
  entropyCritical: 'entropy/critical',
  entropyOther: 'entropy/other',
};

const OF_A_TRIAL = ['validationAccuracy', 'validationLoss', 'tokensTrained'] as const;

/** What a run's stages have found out, as far as their pods say it now, on top of what was recorded when their pods were there. */
export function collectResults(status: CftRunStatus | undefined, views: readonly GroupView[]): Results {
  const values = new Map((status?.results ?? []).map(({ name, value }) => [name, value]));
  for (const view of views)
    for (const [name, value] of Object.entries(groupResults(view))) values.set(name, String(value));
  return [...values].slice(0, MAX_RESULTS).map(([name, value]) => ({ name, value }));
}

/** Where what came out lies: models, evaluations and the report; not the shards, which only the run itself reads. */
export function collectArtifacts(status: CftRunStatus | undefined, views: readonly GroupView[]): Artifacts {
  const paths = new Map((status?.artifacts ?? []).map(({ name, path }) => [name, path]));
  for (const { group, state, results } of views) {
    if (isIndexed(group) || state !== 'succeeded') continue;
    for (const result of succeeded(results))
      for (const [name, path] of Object.entries(result.artifacts))
        paths.set(group.kind === 'report' ? name : `${result.stage.replace(/^(train|evaluate)-/, '')}/${name}`, path);
  }
  return [...paths].slice(0, MAX_ARTIFACTS).map(([name, path]) => ({ name, path }));
}

/** The columns of `kubectl get`: part of the tokens that is critical, and accuracy of the best critical variant on the first data set. */
export function headline(run: CftRun, results: Results): Pick<CftRunStatus, 'criticalRatio' | 'accuracy'> {
  const value = (name: string) => results.find((result) => result.name === name)?.value;
  const [dataset] = run.spec.evaluation.datasets;
  const critical = run.spec.training.variants.filter(({ objective }) => objective === 'critical');
  const accuracies = critical
    .map(({ name }) => value(`${name}/${dataset?.name}/accuracy`))
    .filter((text) => text !== undefined);
  const ratio = value('critical-ratio');
  return {
    ...(ratio === undefined ? {} : { criticalRatio: Number(ratio).toFixed(4) }),
    ...(accuracies.length === 0 ? {} : { accuracy: Math.max(...accuracies.map(Number)).toFixed(4) }),
  };
}

function groupResults({ group, state, results }: GroupView): Record<string, number> {
  // Not before: half of the shards would tell of half of the data, and each write costs.
  if (state !== 'succeeded') return {};
  const found = succeeded(results);
  if (found.length === 0) return {};
  if (group.kind === 'generate') return generated(found);
  if (group.kind === 'annotate') return annotated(found);
  const [{ metrics }] = found as [StageResult];
  if (group.kind === 'train')
    return Object.fromEntries(
      OF_A_TRIAL.flatMap((name) => {
        const value = metrics[name];
        return value === undefined ? [] : [[`${group.name.replace(/^train-/, '')}/${name}`, value]];
      }),
    );
  if (group.kind === 'evaluate') return evaluated(group.stages[0] as EvaluateStage, metrics);
  return {};
}

function generated(shards: readonly StageResult[]): Record<string, number> {
  const questions = sum(shards.map(({ metrics }) => metrics.questions ?? 0));
  const correct = sum(shards.map(({ metrics }) => metrics.correct ?? 0));
  return { 'generate/questions': questions, ...(questions > 0 ? { 'generate/accuracy': correct / questions } : {}) };
}

/** Means over the tokens of all shards. */
function annotated(shards: readonly StageResult[]): Record<string, number> {
  const values: Record<string, number> = { 'annotate/tokens': sum(shards.map(({ metrics }) => metrics.tokens ?? 0)) };
  for (const [metric, name] of Object.entries(PER_TOKEN)) {
    const known = shards.filter(({ metrics }) => metrics[metric] !== undefined && (metrics.tokens ?? 0) > 0);
    const tokens = sum(known.map(({ metrics }) => metrics.tokens ?? 0));
    if (tokens === 0) continue;
    values[name] = sum(known.map(({ metrics }) => (metrics[metric] ?? 0) * (metrics.tokens ?? 0))) / tokens;
  }
  return values;
}

/** `<variant>/<data set>/<metric>`: a stage with one data set leaves its name out, and `learningRate` is of none. */
function evaluated({ params }: EvaluateStage, metrics: StageResult['metrics']): Record<string, number> {
  const [only] = params.datasets;
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => {
      const path = name === 'learningRate' || params.datasets.length > 1 ? name : `${only?.name}/${name}`;
      return [`${params.target}/${path}`, value];
    }),
  );
}

function succeeded(results: ReadonlyMap<string, StageResult>): StageResult[] {
  return [...results.values()].filter(({ status }) => status === 'succeeded');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
