import type { Criterion, Objective } from '../../crds/cftrun.ts';
import type { Interval } from './statistics.ts';

export type { Criterion };

/** Everything a report says, read from a run directory; `renderPage` turns it into a page without looking anywhere else. */
export interface ReportData {
  readonly run: RunFacts;
  readonly warnings: readonly Warning[];
  /** One entry a data set. */
  readonly results: readonly DatasetResults[];
  readonly trials: readonly Trial[];
  readonly criticality: Criticality | undefined;
  readonly examples: readonly AnnotatedResponse[];
}

export interface RunFacts {
  readonly name: string;
  readonly model: string | undefined;
  /** What was trained on, then what was evaluated on. */
  readonly data: readonly { readonly role: string; readonly source: string }[];
  readonly criterion: Criterion;
  readonly verifier: string | undefined;
  readonly stages: readonly StageFacts[];
  readonly generated: Generated | undefined;
  /** Name and version of what made the run, in the order to show them. */
  readonly versions: readonly (readonly [string, string])[];
  /** When the report was made; ISO 8601. */
  readonly reportedAt: string;
}

export interface StageFacts {
  readonly name: string;
  readonly kind: string;
  readonly state: 'succeeded' | 'failed' | 'unfinished';
  readonly startedAt: string | undefined;
  readonly seconds: number | undefined;
}

/** What generation made of the questions. */
export interface Generated {
  readonly questions: number;
  readonly correct: number;
  /** Responses that reached the token limit. */
  readonly cut: number;
}

/** Something the reader should know before trusting the numbers. */
export interface Warning {
  readonly reason: string;
  readonly message: string;
  /** What to do about it. */
  readonly advice: string | undefined;
}

export interface DatasetResults {
  readonly dataset: string;
  /** The base model first, then the variants in the manifest's order. */
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly Comparison[];
}

export interface ResultRow extends Interval {
  readonly variant: string;
  readonly count: number;
  readonly accuracy: number;
  readonly passAt: readonly { readonly k: number; readonly value: number }[];
  readonly entropy: Entropy;
  /** The trials that stand for the variant, one a seed: the row is their mean. None for the base model. */
  readonly trials: readonly Trial[];
}

/** Mean entropy of the next-token distribution, in nats. */
export interface Entropy {
  readonly all: number | undefined;
  readonly critical: number | undefined;
  readonly other: number | undefined;
}

/** `second` against `first`. `paired` when both answered the same questions and it is known which ones they got right. */
export interface Comparison extends Interval {
  readonly first: string;
  readonly second: string;
  readonly difference: number;
  readonly paired: PairedTest | undefined;
  /** Whether the data tell the two apart at 5 %. */
  readonly distinct: boolean;
}

export interface PairedTest {
  readonly p: number;
  /** Questions that only one of the two got right, when each answered each question once; McNemar's test looks at these. */
  readonly discordant: { readonly onlyFirst: number; readonly onlySecond: number } | undefined;
}

/** One training: a variant at one learning rate and seed. */
export interface Trial {
  readonly name: string;
  readonly variant: string;
  readonly objective: Objective;
  readonly method: string | undefined;
  readonly learningRate: number | undefined;
  readonly seed: number | undefined;
  /** Whether this trial stands for its variant in the results. */
  readonly chosen: boolean;
  readonly finished: boolean;
  readonly log: readonly LogPoint[];
  readonly steps: number | undefined;
  readonly bestStep: number | undefined;
  readonly validationAccuracy: number | undefined;
  readonly validationLoss: number | undefined;
  readonly validationEntropy: number | undefined;
  /** Tokens with weight, over all steps. */
  readonly tokensTrained: number | undefined;
  /** Steps in which no token had weight, so that nothing was learnt. */
  readonly skippedSteps: number | undefined;
}

/** One optimizer step as the trial's log has it; what a step did not measure is undefined. */
export interface LogPoint {
  readonly step: number;
  readonly loss: number | undefined;
  readonly learningRate: number | undefined;
  readonly validation:
    | { readonly accuracy: number | undefined; readonly loss: number | undefined; readonly entropy: number | undefined }
    | undefined;
}

/** How many tokens are critical under each criterion. */
export interface CriticalCounts {
  readonly tokens: number;
  readonly strict2: number;
  readonly strict3: number;
}

export interface Criticality extends CriticalCounts {
  readonly responses: number;
  /** Critical share of each response under each criterion, in the order of the files. */
  readonly ratios: Readonly<Record<Criterion, readonly number[]>>;
  /** From the first to the last tenth or twentieth of the response. */
  readonly positions: readonly CriticalCounts[];
  /** Token texts by how often they are critical under the run's criterion, the most frequent first. */
  readonly texts: readonly (CriticalCounts & { readonly text: string })[];
  /** How many different token texts were critical at least once. */
  readonly distinctTexts: number;
  /** Mean entropy of the base model at the critical and at the other tokens (run's criterion), nats. */
  readonly entropy: Entropy;
  readonly rollouts: { readonly correct: number; readonly wrong: number; readonly skipped: number };
  /** Finished rollouts in which the two most likely tokens were once nearly equal. */
  readonly nearTies: number;
}

/** A response to look at, token by token. */
export interface AnnotatedResponse {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  /** Critical share under the run's criterion. */
  readonly ratio: number;
  readonly tokens: readonly AnnotatedToken[];
  /** Tokens left out of `tokens` because the response is very long. */
  readonly omitted: number;
}

export interface AnnotatedToken {
  readonly text: string;
  /** White space of the response between the token before and this one that belongs to neither. */
  readonly gap: string;
  /** A token that the response's text does not show, such as the end token. */
  readonly special: boolean;
  readonly critical: 'strict-3' | 'strict-2' | 'no';
  readonly probability: number;
  /** Nats. */
  readonly entropy: number;
  readonly alternatives: readonly Alternative[];
}

export interface Alternative {
  readonly rank: number;
  readonly text: string;
  readonly probability: number;
  readonly outcome: 'correct' | 'wrong' | 'skipped';
  /** The final answer that the changed response came to. */
  readonly extracted: string | undefined;
  readonly finish: 'eos' | 'length' | 'decided' | undefined;
  /** Tokens of the changed response, what stands before the replacement included. */
  readonly length: number | undefined;
}
