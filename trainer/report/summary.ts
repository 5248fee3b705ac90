import { API_VERSION } from '../../crds/cftrun.ts';
import type { Criterion, Entropy, ReportData } from './data.ts';
import { meanTokens } from './variants.ts';

/** `report.json`: the numbers of the page for programs. What was not measured is absent. Documented in docs/annotations.md. */
export interface ReportSummary {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'CftReport';
  readonly run: {
    readonly name: string;
    readonly criterion: Criterion;
    readonly model?: string;
    readonly verifier?: string;
    /** Sum over the stages, s. */
    readonly seconds: number;
    readonly reportedAt: string;
    readonly questions?: number;
    readonly keptResponses?: number;
  };
  readonly warnings: ReportData['warnings'];
  readonly results: readonly {
    readonly dataset: string;
    readonly rows: readonly SummaryRow[];
    readonly comparisons: ReportData['results'][number]['comparisons'];
  }[];
  readonly trials: readonly Omit<ReportData['trials'][number], 'log'>[];
  readonly criticality?: {
    readonly responses: number;
    readonly tokens: number;
    /** Critical share of all tokens. */
    readonly ratio: Readonly<Record<Criterion, number>>;
    /** Of the base model at the annotated tokens, nats. */
    readonly entropy: Entropy;
    readonly rollouts: { readonly correct: number; readonly wrong: number; readonly skipped: number };
    readonly nearTies: number;
    /** Token texts by how often they are critical under the run's criterion. */
    readonly texts: readonly {
      readonly text: string;
      readonly tokens: number;
      readonly strict2: number;
      readonly strict3: number;
    }[];
  };
}

export interface SummaryRow {
  readonly variant: string;
  readonly count: number;
  readonly accuracy: number;
  /** Bounds of the 95 % interval of the accuracy. */
  readonly low: number;
  readonly high: number;
  /** By k. */
  readonly passAt: Readonly<Record<string, number>>;
  /** Nats. */
  readonly entropy: Entropy;
  /** Mean over the seeds. */
  readonly tokensTrained?: number;
  readonly learningRates: readonly number[];
}

/** What of a report goes into report.json. */
export function summarize({ run, warnings, results, trials, criticality }: ReportData): ReportSummary {
  return {
    apiVersion: API_VERSION,
    kind: 'CftReport',
    run: {
      name: run.name,
      criterion: run.criterion,
      ...present({ model: run.model, verifier: run.verifier }),
      seconds: run.stages.reduce((sum, stage) => sum + (stage.seconds ?? 0), 0),
      reportedAt: run.reportedAt,
      ...present({ questions: run.generated?.questions, keptResponses: run.generated?.correct }),
    },
    warnings,
    results: results.map(({ dataset, rows, comparisons }) => ({
      dataset,
      rows: rows.map((row) => ({
        variant: row.variant,
        count: row.count,
        accuracy: row.accuracy,
        low: row.low,
        high: row.high,
        passAt: Object.fromEntries(row.passAt.map(({ k, value }) => [String(k), value])),
        entropy: row.entropy,
        ...present({ tokensTrained: meanTokens(row) }),
        learningRates: [...new Set(row.trials.flatMap((trial) => trial.learningRate ?? []))],
      })),
      comparisons,
    })),
    trials: trials.map(({ log: _, ...trial }) => trial),
    ...(criticality === undefined
      ? {}
      : {
          criticality: {
            responses: criticality.responses,
            tokens: criticality.tokens,
            ratio: {
              'strict-2': criticality.strict2 / criticality.tokens,
              'strict-3': criticality.strict3 / criticality.tokens,
            },
            entropy: criticality.entropy,
            rollouts: criticality.rollouts,
            nearTies: criticality.nearTies,
            texts: criticality.texts,
          },
        }),
  };
}

/** The properties that have a value. */
function present<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
