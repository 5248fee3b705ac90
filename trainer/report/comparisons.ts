import type { Comparison, ResultRow } from './data.ts';
import {
  crossTable,
  differences,
  independentDifference,
  mcnemar,
  pairedDifference,
  pairedMean,
  type Scores,
} from './statistics.ts';
import { BASE } from './variants.ts';

/** Below this p-value two variants are told apart. */
const SIGNIFICANT = 0.05;

/**
 * The comparisons a reader looks for: each variant against the base model, then the variant trained on critical tokens against each of the
 * others.
 *
 * @param scores by variant, the share of right greedy answers to each question; without it for either, the two count as independent samples
 */
export function compareVariants(rows: readonly ResultRow[], scores: ReadonlyMap<string, Scores>): Comparison[] {
  const base = rows.find((row) => row.variant === BASE);
  const trained = rows.filter((row) => row.variant !== BASE);
  const critical = trained.filter((row) => row.trials[0]?.objective === 'critical');
  const others = trained.filter((row) => !critical.includes(row));
  const pairs = [
    ...(base === undefined ? [] : trained.map((row) => [base, row] as const)),
    ...critical.flatMap((row) => others.map((other) => [other, row] as const)),
  ];
  return pairs.map(([first, second]) => compare(first, second, scores.get(first.variant), scores.get(second.variant)));
}

function compare(first: ResultRow, second: ResultRow, a: Scores | undefined, b: Scores | undefined): Comparison {
  const names = { first: first.variant, second: second.variant };
  const steps = a === undefined || b === undefined ? [] : differences(a, b);
  if (a === undefined || b === undefined || steps.length === 0) {
    const interval = independentDifference(first, second);
    const difference = second.accuracy - first.accuracy;
    return { ...names, ...interval, difference, paired: undefined, distinct: interval.low > 0 || interval.high < 0 };
  }
  if ([...a.values(), ...b.values()].every((score) => score === 0 || score === 1)) {
    const table = crossTable(a, b);
    const p = mcnemar(table);
    const { onlyFirst, onlySecond } = table;
    const difference = (onlySecond - onlyFirst) / steps.length;
    const paired = { p, discordant: { onlyFirst, onlySecond } };
    return { ...names, ...pairedDifference(table), difference, paired, distinct: p < SIGNIFICANT };
  }
  const { mean, low, high, p } = pairedMean(steps);
  return { ...names, low, high, difference: mean, paired: { p, discordant: undefined }, distinct: p < SIGNIFICANT };
}
