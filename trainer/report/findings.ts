import type { Comparison, DatasetResults, ReportData, ResultRow } from './data.ts';
import * as format from './format.ts';
import { BASE, meanTokens, objectiveOf } from './variants.ts';

/** What a comparison shows, in a sentence that claims no more than the data do. */
export interface Finding {
  readonly title: string;
  readonly text: string;
  /** What it rests on. */
  readonly evidence: string;
  readonly distinct: boolean;
}

/** One finding for each comparison of a data set. */
export function findings(results: DatasetResults): Finding[] {
  return results.comparisons.map((comparison) => ({
    title: `${comparison.second} against ${comparison.first}`,
    text: describe(comparison),
    evidence: evidence(comparison),
    distinct: comparison.distinct,
  }));
}

/** How entropy moved from the base model to each variant; undefined where it was not measured. */
export function entropyFinding({ rows }: DatasetResults): string | undefined {
  const base = rows.find((row) => row.variant === BASE)?.entropy.all;
  if (base === undefined || base === 0) return undefined;
  const parts = rows.flatMap(({ variant, entropy }) =>
    variant === BASE || entropy.all === undefined
      ? []
      : [`${variant} ${format.nats(entropy.all)} (${format.change(entropy.all / base - 1)})`],
  );
  return parts.length === 0 ? undefined : `Base ${format.nats(base)} nats; ${format.listed(parts)}.`;
}

/** The run in one or two sentences, for the head of the page. */
export function headline(data: ReportData): string {
  const results = data.results[0];
  const best = results && headlineRow(results, data);
  if (results === undefined || best === undefined) return withoutResults(data);
  const sentences = [
    `On ${results.dataset} (${format.counted(best.count, 'question')}), ${best.variant} answers ${format.percent(best.accuracy)} correctly${againstBase(best, results)}.`,
  ];
  const share = trainedShare(best, results, data);
  if (share !== undefined) sentences.push(share);
  return sentences.join(' ');
}

function describe({ difference, low, high, distinct }: Comparison): string {
  const measured = `${format.points(difference)} points, 95 % interval ${format.points(low)} to ${format.points(high)}`;
  return distinct ? `${measured}.` : `Within noise: ${measured}. The data do not tell the two apart.`;
}

function evidence({ first, second, paired }: Comparison): string {
  if (paired === undefined)
    return 'Which questions each got right is not known, so this compares two independent samples.';
  const p = format.pEquation(paired.p);
  if (paired.discordant === undefined) return `Paired over the questions, mean of the seeds; ${p}.`;
  const { onlyFirst, onlySecond } = paired.discordant;
  if (onlyFirst + onlySecond === 0) return 'Both got the same questions right.';
  return `${format.counted(onlySecond, 'question')} right with ${second} only, ${format.count(onlyFirst)} with ${first} only; McNemar’s exact test, ${p}.`;
}

/** The variant that the run is about: the one trained on critical tokens, or else the most accurate one. */
function headlineRow(results: DatasetResults, data: ReportData): ResultRow | undefined {
  const critical = results.rows.find((row) => objectiveOf(row.variant, data.trials) === 'critical');
  if (critical !== undefined) return critical;
  const trained = results.rows.filter((row) => row.variant !== BASE);
  return (trained.length > 0 ? trained : results.rows).toSorted((a, b) => b.accuracy - a.accuracy)[0];
}

function againstBase(best: ResultRow, results: DatasetResults): string {
  const versus = results.comparisons.find((c) => c.first === BASE && c.second === best.variant);
  if (versus === undefined) return '';
  if (versus.difference === 0) return ', as many as the base model';
  if (!versus.distinct)
    return `, which is within noise of the base model’s ${format.percent(best.accuracy - versus.difference)}`;
  const size = Math.abs(versus.difference * 100).toFixed(1);
  return `, ${size} points ${versus.difference > 0 ? 'more' : 'fewer'} than the base model`;
}

function trainedShare(best: ResultRow, results: DatasetResults, data: ReportData): string | undefined {
  const plain = results.rows.find((row) => objectiveOf(row.variant, data.trials) === 'all');
  if (plain === undefined || plain === best) return undefined;
  const [mine, all] = [meanTokens(best), meanTokens(plain)];
  if (!mine || !all || mine >= all) return undefined;
  const versus = results.comparisons.find((c) => c.first === plain.variant && c.second === best.variant);
  const relation = versus === undefined || versus.distinct ? '' : ', a difference within noise';
  return `It was trained on ${format.percent(mine / all, 0)} as many tokens as ${plain.variant}, which answers ${format.percent(plain.accuracy)}${relation}.`;
}

function withoutResults(data: ReportData): string {
  const { criticality, trials, run } = data;
  const parts: string[] = [];
  if (criticality !== undefined && criticality.tokens > 0) {
    const critical = run.criterion === 'strict-2' ? criticality.strict2 : criticality.strict3;
    parts.push(
      `${format.percent(critical / criticality.tokens)} of ${format.counted(criticality.tokens, 'token')} in ${format.counted(criticality.responses, 'annotated response')} are critical (${run.criterion}).`,
    );
  }
  if (trials.length > 0) parts.push(`${format.counted(trials.length, 'training')} logged; no evaluation yet.`);
  return parts.length > 0 ? parts.join(' ') : 'This run has no annotations, trainings or evaluations yet.';
}
