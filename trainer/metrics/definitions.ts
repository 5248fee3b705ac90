/** What one metric is called, how it behaves, what it says and which labels split it. */
export interface MetricDefinition {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in the unit of its name. */
  readonly buckets?: readonly number[];
}

/**
 * Every metric that a stage can export. Base units in the names: `_ratio`, `_nats`, `_seconds`, `_total` for what only grows.
 */
export const METRICS = {
  cft_run_info: {
    type: 'gauge',
    help: 'Always 1; its labels say which run, stage and version this process works for.',
    labels: ['run', 'stage', 'kind', 'version'],
  },
  cft_stage_progress_ratio: {
    type: 'gauge',
    help: 'Finished part of the current phase of the stage, from 0 to 1.',
    labels: ['stage', 'phase'],
  },
  cft_stage_remaining_seconds: {
    type: 'gauge',
    help: 'Estimated time to the end of the current phase of the stage.',
    labels: ['stage', 'phase'],
  },
  cft_stage_warnings_total: {
    type: 'counter',
    help: 'Warnings that the stage gave, by reason.',
    labels: ['reason'],
  },
  cft_generate_responses_total: {
    type: 'counter',
    help: 'Responses generated, by what the verifier said of them: correct or wrong.',
    labels: ['outcome'],
  },
  cft_decode_tokens_total: {
    type: 'counter',
    help: 'Tokens that the decoder produced in this process, whatever for.',
    labels: [],
  },
  cft_annotate_critical_ratio: {
    type: 'gauge',
    help: 'Critical tokens among the annotated response tokens so far, by criterion.',
    labels: ['criterion'],
  },
  cft_annotate_rollouts_total: {
    type: 'counter',
    help: 'Counterfactual rollouts, by outcome: correct, wrong or skipped (not needed, as an earlier one has decided).',
    labels: ['outcome'],
  },
  cft_annotate_shared_tokens_total: {
    type: 'counter',
    help: 'Tokens before a rollout that it read from its response instead of computing them.',
    labels: [],
  },
  cft_annotate_early_stops_total: {
    type: 'counter',
    help: 'Rollouts that were not decoded to their end, since their verdict was decided.',
    labels: [],
  },
  cft_annotate_draft_tokens_total: {
    type: 'counter',
    help: 'Tokens guessed from the response, by outcome: accepted (the model chose the same) or rejected.',
    labels: ['outcome'],
  },
  cft_annotate_slot_steps_total: {
    type: 'counter',
    help: 'Slots of all decoding steps of annotation, by state: busy with a rollout, or idle.',
    labels: ['state'],
  },
  cft_annotate_rechecks_total: {
    type: 'counter',
    help: 'Choices between nearly equal tokens that were made again by the definition, by outcome: same or changed.',
    labels: ['outcome'],
  },
  cft_annotate_responses_total: {
    type: 'counter',
    help: 'Responses whose every token has been annotated in this process.',
    labels: [],
  },
  cft_train_loss_nats: {
    type: 'gauge',
    help: 'Training loss of the last optimizer step: mean cross-entropy over the weighted tokens.',
    labels: [],
  },
  cft_train_tokens_total: {
    type: 'counter',
    help: 'Response tokens seen in training: all of them, and those with weight in the loss (weighted).',
    labels: ['tokens'],
  },
  cft_train_learning_rate: {
    type: 'gauge',
    help: 'Learning rate of the last optimizer step.',
    labels: [],
  },
  cft_train_gradient_norm: {
    type: 'gauge',
    help: 'Global norm of the gradient before clipping, at the last optimizer step.',
    labels: [],
  },
  cft_train_steps_total: {
    type: 'counter',
    help: 'Optimizer steps done in this process.',
    labels: [],
  },
  cft_train_empty_batches_total: {
    type: 'counter',
    help: 'Batches in which no token had weight; they add nothing to the loss.',
    labels: [],
  },
  cft_train_step_seconds: {
    type: 'histogram',
    help: 'Time of one optimizer step, all its micro-batches included.',
    labels: [],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60],
  },
  cft_validation_loss_nats: {
    type: 'gauge',
    help: 'Loss on the validation split at its last measurement.',
    labels: [],
  },
  cft_validation_accuracy_ratio: {
    type: 'gauge',
    help: 'Greedy accuracy on the validation split at its last measurement.',
    labels: [],
  },
  cft_eval_accuracy_ratio: {
    type: 'gauge',
    help: 'Accuracy by data set: k="1" is greedy pass@1, a larger k the unbiased pass@k of the samples.',
    labels: ['dataset', 'k'],
  },
  cft_eval_sampled_accuracy_ratio: {
    type: 'gauge',
    help: 'Share of correct answers among all samples (sampled pass@1), by data set.',
    labels: ['dataset'],
  },
  cft_eval_accuracy_interval_ratio: {
    type: 'gauge',
    help: 'Bounds (low, high) of the 95 % Wilson interval of the greedy accuracy, by data set.',
    labels: ['dataset', 'bound'],
  },
  cft_token_entropy_nats: {
    type: 'gauge',
    help: 'Mean entropy of the next-token distribution over all, critical or other response tokens.',
    labels: ['tokens'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

type NamesOfType<T extends MetricDefinition['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];

export type GaugeName = NamesOfType<'gauge'>;
export type CounterName = NamesOfType<'counter'>;
export type HistogramName = NamesOfType<'histogram'>;

/** The labels that a metric needs, each with its value; `{}` for a metric without labels. */
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

/** Where the computing code puts its numbers. Calls are cheap and never wait. */
export interface Metrics {
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void;
  inc<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void;
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void;
}
