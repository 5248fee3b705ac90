import { join } from 'node:path';
import { GreedyRecord } from '../evaluate/record.ts';
import { wilsonInterval } from '../evaluate/statistics.ts';
import { compareVariants } from './comparisons.ts';
import type { DatasetResults, Entropy, ResultRow, Trial } from './data.ts';
import { names, records } from './files.ts';
import type { StageRecord } from './records.ts';
import type { Scores } from './statistics.ts';

/** Where a variant's evaluation lies. */
export interface EvaluationPlace {
  readonly target: string;
  /** Absolute directory of its responses. */
  readonly directory: string;
  readonly stage: StageRecord | undefined;
}

/**
 * The results of all evaluations by data set, in the order of the places, with their comparisons.
 *
 * @param datasets names of the planned data sets, as far as they are known
 */
export async function readEvaluations(
  places: readonly EvaluationPlace[],
  trials: readonly Trial[],
  datasets: readonly string[],
): Promise<DatasetResults[]> {
  const sets = new Map<string, { readonly rows: ResultRow[]; readonly scores: Map<string, Scores> }>();
  for (const place of places) {
    const metrics = place.stage?.metrics ?? {};
    const scores = await readScores(place.directory);
    const chosen = trials.filter((trial) => trial.variant === place.target && trial.chosen);
    for (const prefix of prefixesOf(metrics)) {
      const row = rowOf(place.target, (name) => metrics[prefix + name] ?? undefined, chosen);
      if (row === undefined) continue;
      const dataset = prefix === '' ? onlyOf(datasets, [...scores.keys()]) : prefix.slice(0, -1);
      const set = sets.get(dataset) ?? { rows: [] as ResultRow[], scores: new Map<string, Scores>() };
      sets.set(dataset, set);
      set.rows.push(row);
      const own = scores.get(dataset);
      if (own !== undefined) set.scores.set(place.target, own);
    }
  }
  return [...sets].map(([dataset, { rows, scores }]) => ({
    dataset,
    rows,
    comparisons: compareVariants(rows, scores),
  }));
}

/** What stands before `accuracy` in the names of metrics: `<data set>/`, or nothing where there is one data set only. */
function prefixesOf(metrics: StageRecord['metrics']): string[] {
  return Object.keys(metrics).flatMap((name) => {
    const match = /^(.*\/)?accuracy$/.exec(name);
    return match === null ? [] : [match[1] ?? ''];
  });
}

/** The name of the one data set that was evaluated on. */
function onlyOf(planned: readonly string[], found: readonly string[]): string {
  return (found.length === 1 ? found[0] : planned.length === 1 ? planned[0] : undefined) ?? 'evaluation';
}

function rowOf(
  variant: string,
  metric: (name: string) => number | undefined,
  trials: readonly Trial[],
): ResultRow | undefined {
  const accuracy = metric('accuracy');
  const count = metric('count');
  if (accuracy === undefined || count === undefined || count === 0) return undefined;
  const interval = wilsonInterval(accuracy * count, count);
  const entropy: Entropy = {
    all: metric('entropy'),
    critical: metric('entropyCritical'),
    other: metric('entropyOther'),
  };
  const passAt = Array.from({ length: 1024 }, (_, i) => i + 1).flatMap((k) => {
    const value = metric(`passAt${k}`) ?? (k === 1 ? metric('sampledAccuracy') : undefined);
    return value === undefined ? [] : [{ k, value }];
  });
  return {
    variant,
    count,
    accuracy,
    low: metric('accuracyLow') ?? interval.low,
    high: metric('accuracyHigh') ?? interval.high,
    passAt,
    entropy,
    trials,
  };
}

/** By data set and question: the share of right greedy answers over the files of a directory, one file a data set and seed. */
async function readScores(directory: string): Promise<Map<string, Scores>> {
  const sums = new Map<string, Map<string, { right: number; n: number }>>();
  for (const name of (await names(directory)).filter((file) => /^greedy-.*\.jsonl$/.test(file))) {
    for await (const { value } of records(join(directory, name), GreedyRecord)) {
      const questions = sums.get(value.dataset) ?? new Map<string, { right: number; n: number }>();
      sums.set(value.dataset, questions);
      const sum = questions.get(value.id) ?? { right: 0, n: 0 };
      questions.set(value.id, { right: sum.right + Number(value.correct), n: sum.n + 1 });
    }
  }
  return new Map(
    [...sums].map(([dataset, questions]) => [
      dataset,
      new Map([...questions].map(([id, { right, n }]) => [id, right / n])),
    ]),
  );
}
