import { CountsPerSecond, PercentUnit, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboardJson } from './dashboard.ts';
import { graph, stat, table } from './panels.ts';
import { rateOf } from './promql.ts';

const OF = 'namespace=~"$namespace"';
const BEFORE = `max by (namespace, run) (cft_eval_accuracy_ratio{${OF},variant="base",k="1"})`;
const AFTER = `max by (namespace, run) (cft_eval_accuracy_ratio{${OF},variant!="",variant!="base",k="1"})`;

function runsThatAre(condition: string): string {
  return `count(max by (namespace, run) (cft_run_condition{${OF},type="${condition}",status="true"})) or vector(0)`;
}

function number(title: string, condition: string, description: string) {
  return stat({ title, description, unit: Short, span: 4 }, { expr: runsThatAre(condition), legend: title });
}

/** All runs of a cluster, or of some namespaces. */
export function fleetDashboard(): string {
  return dashboardJson({
    uid: 'cft-fleet',
    title: 'CFT / Runs',
    description: 'All CftRuns: how many are in which state, what they have reached, and what they use.',
    variables: [{ name: 'namespace', label: 'Namespace', of: 'cft_run_condition', multi: true }],
    rows: [
      {
        title: 'State',
        panels: [
          number('Running', 'Running', 'Runs that have started and not ended.'),
          number('Waiting for pods', 'PodsPending', 'Runs with a pod that does not start: no GPU is free, no image.'),
          number('Suspended', 'Suspended', 'Runs with spec.suspend.'),
          number('Succeeded', 'Succeeded', 'Runs that have ended well and are not deleted.'),
          number('Failed', 'Failed', 'Runs that have failed and are not deleted.'),
          stat(
            {
              title: 'Median gain',
              description:
                'Greedy accuracy of the best trained variant minus that of the model before training, median over runs.',
              unit: PercentUnit,
              span: 4,
            },
            { expr: `quantile(0.5, ${AFTER} - on (namespace, run) ${BEFORE})`, legend: 'gain' },
          ),
        ],
      },
      {
        title: 'Runs',
        panels: [
          table(
            {
              title: 'Runs',
              description: 'Every run with its last numbers. Accuracy is greedy pass@1, the best over data sets.',
              span: 24,
            },
            [
              { name: 'progress', unit: PercentUnit, expr: `max by (namespace, run) (cft_run_progress_ratio{${OF}})` },
              {
                name: 'critical ratio',
                unit: PercentUnit,
                expr: `max by (namespace, run) (cft_annotate_critical_ratio{${OF},stage=""})`,
              },
              { name: 'accuracy before', unit: PercentUnit, expr: BEFORE },
              { name: 'best accuracy after', unit: PercentUnit, expr: AFTER },
              {
                expr: `max by (namespace, run, type) (cft_run_condition{${OF},status="true",type!="Accepted"})`,
              },
            ],
            {
              column: 'run',
              title: 'Show this run',
              // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills these in.
              url: '/d/cft-run?var-namespace=${__data.fields.namespace}&var-run=${__data.fields.run}&${__url_time_range}',
            },
          ),
        ],
      },
      {
        title: 'Over time',
        panels: [
          graph(
            { title: 'Runs by state', description: 'A run can be in more than one.', unit: Short, span: 8 },
            {
              expr: `count by (type) (max by (namespace, run, type) (cft_run_condition{${OF},status="true",type!="Accepted"}))`,
              legend: '{{type}}',
            },
          ),
          graph(
            {
              title: 'Rollouts',
              description: 'Counterfactual rollouts of annotation, by run.',
              unit: CountsPerSecond,
              span: 8,
            },
            {
              expr: rateOf('cft_annotate_rollouts_total', `${OF},outcome!="skipped"`, 'namespace, run'),
              legend: '{{namespace}}/{{run}}',
            },
          ),
          graph(
            {
              title: 'Training tokens',
              description: 'Response tokens seen in training, by run.',
              unit: CountsPerSecond,
              span: 8,
            },
            {
              expr: rateOf('cft_train_tokens_total', `${OF},tokens="all"`, 'namespace, run'),
              legend: '{{namespace}}/{{run}}',
            },
          ),
        ],
      },
    ],
  });
}
