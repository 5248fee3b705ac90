import {
  CountsPerSecond,
  Megabytes,
  Percent,
  PercentUnit,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';
import { dashboardJson } from './dashboard.ts';
import { graph, ratioBars, stat } from './panels.ts';
import { quantileOf, rateOf } from './promql.ts';

/** The run's own series; those of its stages have a label stage. */
const RUN = 'namespace="$namespace",run="$run"';
const OF_RUN = `${RUN},stage=""`;
const OF_STAGES = `${RUN},stage!=""`;
const NATS = 'suffix: nats';

function rate(metric: string, by: string): string {
  return rateOf(metric, OF_STAGES, by);
}

function ofStages(metric: string, by = 'stage'): string {
  return `max by (${by}) (${metric}{${OF_STAGES}})`;
}

/** Use of the GPUs by the run's pods, as NVIDIA's DCGM exporter measures it. */
function ofGpus(metric: string): string {
  const pods = `max by (namespace, pod, stage) (cft_run_info{${RUN}})`;
  return `avg by (stage, pod) (${metric}{namespace="$namespace"} * on (namespace, pod) group_left (stage) ${pods})`;
}

const RESULT = {
  title: 'Result',
  panels: [
    stat(
      { title: 'Progress', description: 'Finished part of the run.', unit: PercentUnit, span: 6 },
      { expr: `max(cft_run_progress_ratio{${RUN}})`, legend: 'progress' },
    ),
    stat(
      {
        title: 'Critical ratio',
        description: 'Critical tokens among the annotated ones. Under 5 % there is little to learn from.',
        unit: PercentUnit,
        span: 6,
      },
      { expr: `max(cft_annotate_critical_ratio{${OF_RUN}})`, legend: 'critical ratio' },
    ),
    stat(
      {
        title: 'Longest time left',
        description: 'Of the stages that run now, to the end of their present phase.',
        unit: Seconds,
        span: 6,
      },
      { expr: `max(cft_stage_remaining_seconds{${OF_STAGES}})`, legend: 'time left' },
    ),
    stat(
      {
        title: 'Warnings',
        description: 'Warnings of the pods that run now. The events of the run have their text.',
        unit: Short,
        span: 6,
      },
      { expr: `sum(cft_stage_warnings_total{${OF_STAGES}}) or vector(0)`, legend: 'warnings' },
    ),
    ratioBars(
      {
        title: 'Accuracy by variant',
        description: 'Accuracy on the test sets: k=1 is greedy pass@1, a larger k the unbiased pass@k of the samples.',
        span: 12,
      },
      {
        expr: `max by (variant, dataset, k) (cft_eval_accuracy_ratio{${OF_RUN},variant!=""})`,
        legend: '{{variant}}, {{dataset}}, k={{k}}',
      },
    ),
    graph(
      {
        title: 'Entropy of the generated tokens',
        description: 'Mean entropy of the next-token distribution, measured while annotating.',
        unit: NATS,
        span: 12,
      },
      { expr: `avg by (tokens) (cft_token_entropy_nats{${OF_STAGES},kind="annotate"})`, legend: '{{tokens}}' },
      { expr: `max by (tokens) (cft_token_entropy_nats{${OF_RUN}})`, legend: '{{tokens}}, whole run' },
    ),
  ],
};

const STAGES = {
  title: 'Stages and annotation',
  panels: [
    ratioBars(
      { title: 'Stages that run', description: 'Finished part of the present phase of a stage.', span: 8 },
      { expr: ofStages('cft_stage_progress_ratio', 'stage, shard, phase'), legend: '{{stage}} {{shard}} {{phase}}' },
    ),
    graph(
      {
        title: 'Critical ratio',
        description: 'Critical tokens among those annotated so far, by criterion and shard.',
        unit: PercentUnit,
        span: 8,
      },
      {
        expr: ofStages('cft_annotate_critical_ratio', 'criterion, shard'),
        legend: '{{criterion}}, shard {{shard}}',
      },
    ),
    graph(
      {
        title: 'Rollouts',
        description: 'Counterfactual rollouts by outcome. A skipped one was not needed to know the answer.',
        unit: CountsPerSecond,
        span: 8,
      },
      { expr: rate('cft_annotate_rollouts_total', 'outcome'), legend: '{{outcome}}' },
    ),
    graph(
      {
        title: 'Responses',
        description: 'Responses generated, by what the verifier said of them, and responses annotated.',
        unit: CountsPerSecond,
        span: 12,
      },
      { expr: rate('cft_generate_responses_total', 'outcome'), legend: 'generated, {{outcome}}' },
      { expr: rate('cft_annotate_responses_total', 'kind'), legend: 'annotated' },
    ),
    graph(
      {
        title: 'Tokens',
        description: 'Tokens decoded, and response tokens seen in training: all, and those with weight in the loss.',
        unit: CountsPerSecond,
        span: 12,
      },
      { expr: rate('cft_decode_tokens_total', 'kind'), legend: 'decoded, {{kind}}' },
      { expr: rate('cft_train_tokens_total', 'tokens'), legend: 'training, {{tokens}}' },
    ),
  ],
};

const TRAINING = {
  title: 'Training',
  panels: [
    graph(
      { title: 'Loss', description: 'Mean cross-entropy over the weighted tokens of a step.', unit: NATS, span: 8 },
      { expr: ofStages('cft_train_loss_nats'), legend: '{{stage}}' },
    ),
    graph(
      {
        title: 'Learning rate',
        description: 'Of the last optimizer step.',
        unit: Short,
        span: 8,
      },
      { expr: ofStages('cft_train_learning_rate'), legend: '{{stage}}' },
    ),
    graph(
      {
        title: 'Gradient norm',
        description: 'Global norm before clipping, of the last optimizer step.',
        unit: Short,
        span: 8,
      },
      { expr: ofStages('cft_train_gradient_norm'), legend: '{{stage}}' },
    ),
    graph(
      { title: 'Validation', description: 'Greedy accuracy on the validation split.', unit: PercentUnit, span: 8 },
      { expr: ofStages('cft_validation_accuracy_ratio'), legend: '{{stage}}' },
    ),
    graph(
      {
        title: 'Validation loss and entropy',
        description:
          'On the validation split. An entropy that falls towards 0 says that the model is becoming too sure.',
        unit: NATS,
        span: 8,
      },
      { expr: ofStages('cft_validation_loss_nats'), legend: 'loss, {{stage}}' },
      {
        expr: `max by (stage) (cft_token_entropy_nats{${OF_STAGES},kind="train",tokens="all"})`,
        legend: 'entropy, {{stage}}',
      },
    ),
    graph(
      {
        title: 'Step time',
        description: 'Of an optimizer step, all its micro-batches included.',
        unit: Seconds,
        span: 8,
      },
      { expr: quantileOf(0.5, 'cft_train_step_seconds', OF_STAGES), legend: 'median' },
      { expr: quantileOf(0.95, 'cft_train_step_seconds', OF_STAGES), legend: '95 %' },
    ),
  ],
};

const USE = {
  title: 'Use of the machines',
  panels: [
    graph(
      {
        title: 'GPU use',
        description:
          "Needs NVIDIA's DCGM exporter, scraped with honorLabels, so that pod is the pod that uses the GPU.",
        unit: Percent,
        span: 6,
      },
      { expr: ofGpus('DCGM_FI_DEV_GPU_UTIL'), legend: '{{stage}} {{pod}}' },
    ),
    graph(
      {
        title: 'GPU memory',
        description: "Needs NVIDIA's DCGM exporter, scraped with honorLabels.",
        unit: Megabytes,
        span: 6,
      },
      { expr: ofGpus('DCGM_FI_DEV_FB_USED'), legend: '{{stage}} {{pod}}' },
    ),
    graph(
      { title: 'CPU', description: 'Cores that a pod of the run keeps busy.', unit: Short, span: 6 },
      { expr: rate('process_cpu_seconds_total', 'stage, pod'), legend: '{{stage}} {{pod}}' },
    ),
    graph(
      { title: 'Memory', description: 'Resident memory of a pod of the run.', unit: 'bytes', span: 6 },
      { expr: ofStages('process_resident_memory_bytes', 'stage, pod'), legend: '{{stage}} {{pod}}' },
    ),
  ],
};

/** One run, live and after its end. */
export function runDashboard(): string {
  return dashboardJson({
    uid: 'cft-run',
    title: 'CFT / Run',
    description: 'One CftRun: accuracy of the model before and after training, entropy, loss, and what it uses.',
    variables: [
      { name: 'namespace', label: 'Namespace', of: 'cft_run_condition' },
      { name: 'run', label: 'Run', of: 'cft_run_condition{namespace="$namespace"}' },
    ],
    rows: [RESULT, STAGES, TRAINING, USE],
  });
}
