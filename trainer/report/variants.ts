import type { Objective } from '../../crds/cftrun.ts';
import type { ReportData, ResultRow, Trial } from './data.ts';

/** Name of the untrained model among the variants. */
export const BASE = 'base';

/** Classes of the style sheet by objective, so that the same kind of variant has the same colour in every report. */
const BY_OBJECTIVE: Readonly<Record<Objective, string>> = { all: 'v1', critical: 'v2', random: 'v3', number: 'v4' };
const FURTHER = ['v5', 'v6', 'v7', 'v1', 'v2', 'v3', 'v4'];

/** Every variant of the run in order of appearance, base first if it was evaluated. */
export function variantNames(data: Pick<ReportData, 'results' | 'trials'>): string[] {
  const evaluated = data.results.flatMap((set) => set.rows.map((row) => row.variant));
  return [...new Set([...evaluated, ...data.trials.map((trial) => trial.variant)])];
}

/** The class of each variant's colour: `v0` for the base model, then one for each objective, then whatever is left. */
export function variantColours(data: Pick<ReportData, 'results' | 'trials'>): ReadonlyMap<string, string> {
  const colours = new Map<string, string>([[BASE, 'v0']]);
  const taken = new Set<string>();
  const left = [...FURTHER];
  for (const name of variantNames(data)) {
    if (colours.has(name)) continue;
    const objective = objectiveOf(name, data.trials);
    const wished = objective && BY_OBJECTIVE[objective];
    const colour = wished !== undefined && !taken.has(wished) ? wished : (left.shift() ?? 'v7');
    taken.add(colour);
    colours.set(name, colour);
  }
  return colours;
}

/** The objective that a variant was trained with, if its trials say so. */
export function objectiveOf(variant: string, trials: readonly Trial[]): Objective | undefined {
  return trials.find((trial) => trial.variant === variant)?.objective;
}

/** How a variant was trained, in a few words. */
export function trainedText({ objective, method }: Trial): string {
  const tokens = {
    critical: 'critical tokens only',
    all: 'all response tokens',
    random: 'as many, at random',
    number: 'digits only',
  };
  return method === 'lora' ? `${tokens[objective]}, LoRA` : tokens[objective];
}

/** Tokens that a variant was trained on: the mean of its trials, undefined when none of them says. */
export function meanTokens({ trials }: ResultRow): number | undefined {
  const tokens = trials.flatMap((trial) => trial.tokensTrained ?? []);
  return tokens.length === 0 ? undefined : tokens.reduce((sum, n) => sum + n, 0) / tokens.length;
}
