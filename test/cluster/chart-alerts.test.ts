import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownMetrics } from '../../helm/generate/testing/metrics.ts';
import { partsOf } from '../../helm/generate/testing/queries.ts';
import { ALL_ON, CHART, hasHelm, only, provideHelm, type Rendered, render } from './helm.ts';
import { BUILD_TIMEOUT, hasPrometheus, promtool, providePrometheus } from './prometheus.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Series to its values, one a minute, as promtool writes them. */
type Series = Readonly<Record<string, string>>;

const OPERATOR = 'job="cft-operator",namespace="cft-system"';
const RUN = 'job="cft-operator",namespace="team",run="first"';
const leads = (pod: string) => `leader_election_master_status{${OPERATOR},pod="${pod}"}`;
const up = (pod: string) => `up{${OPERATOR},pod="${pod}"}`;
const is = (condition: string, pod = 'a') => `cft_run_condition{${RUN},pod="${pod}",type="${condition}",status="true"}`;
const errors = `controller_runtime_reconcile_errors_total{${OPERATOR}}`;
const progress = `cft_run_progress_ratio{${RUN}}`;
const criticalRatio = `cft_annotate_critical_ratio{${RUN}}`;

describe.skipIf(!hasHelm || !hasPrometheus)('alerts, by promtool', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cft-rules-'));
  let rules: Rule[];

  beforeAll(async () => {
    await Promise.all([provideHelm(), providePrometheus()]);
    const objects = await render({ ...ALL_ON, 'prometheusRule.alertLabels': { team: 'ml' } });
    const { groups } = only(objects, 'PrometheusRule').spec;
    rules = groups.flatMap((group: Rendered) => group.rules);
    writeFileSync(join(directory, 'rules.yml'), JSON.stringify({ groups }));
  }, BUILD_TIMEOUT);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Lets promtool say whether an alert fires after so many minutes, with the texts that it should have then. */
  const unitTest = (alertname: string, series: Series, minutes: number, expected: readonly object[]) => {
    const check = { eval_time: `${minutes}m`, alertname, exp_alerts: expected };
    const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const tests = [{ interval: '1m', input_series: input, alert_rule_test: [check] }];
    const file = join(directory, 'test.yml');
    writeFileSync(file, JSON.stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests }));
    return promtool(['test', 'rules', file]);
  };
  /** The alert with its templates filled in. */
  const fired = ({ labels, annotations, expr }: Rule, value: string) => ({
    exp_labels: { ...labels, ...(expr.includes('by (namespace, run)') ? { namespace: 'team', run: 'first' } : {}) },
    exp_annotations: Object.fromEntries(
      Object.entries(annotations).map(([name, template]) => [
        name,
        template
          .replaceAll('{{ $labels.namespace }}', 'team')
          .replaceAll('{{ $labels.run }}', 'first')
          .replaceAll(/\{\{ \$value.*?\}\}/g, value),
      ]),
    ),
  });

  test('are rules that Prometheus takes, without a warning, on metrics that there are', () => {
    const checked = promtool(['check', 'rules', '--lint-fatal', join(directory, 'rules.yml')]);
    expect(checked).toContain(`${rules.length} rules found`);
    for (const { expr, labels } of rules) {
      const { errors, selectors } = partsOf(expr);
      expect(errors).toEqual([]);
      for (const { metric } of selectors) expect([...knownMetrics().keys()]).toContain(metric);
      expect(labels).toMatchObject({ team: 'ml', severity: expect.stringMatching(/^(critical|warning|info)$/) });
    }
  });

  test('are in the documentation, with their severity', () => {
    const page = readFileSync(join(CHART, '..', 'docs', 'cluster.md'), 'utf8');
    const said = [...page.matchAll(/^\| `(Cft\w+)` \| (\w+) \|/gm)].map(([, alert, severity]) => [alert, severity]);
    expect(said).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
  });

  test.each<[string, string, Series, number, string]>([
    ['CftOperatorDown', 'no replica answers', { [up('a')]: '1x10 0x20' }, 17, ''],
    ['CftOperatorDown', 'nothing is scraped', {}, 6, ''],
    ['CftOperatorNotLeading', 'nobody leads', { [leads('a')]: '0x20' }, 6, '0'],
    ['CftOperatorNotLeading', 'two lead', { [leads('a')]: '1x20', [leads('b')]: '1x20' }, 6, '2'],
    ['CftReconcileErrors', 'there are errors again and again', { [errors]: '0+1x40' }, 20, ''],
    ['CftRunFailed', 'both replicas say so', { [is('Failed')]: '1x5', [is('Failed', 'b')]: '1x5' }, 1, '1'],
    ['CftRunPending', 'pods wait for long', { [is('PodsPending')]: '1x60' }, 31, '1'],
    ['CftRunStuck', 'its progress stands still', { [is('Running')]: '1x300', [progress]: '0.3x300' }, 125, '1'],
    ['CftCriticalRatioLow', 'it is 3 %', { [criticalRatio]: '0.03x5' }, 1, '3%'],
  ])('%s fires when %s', (alert, _, series, minutes, value) => {
    const rule = rules.find((one) => one.alert === alert);
    expect(unitTest(alert, series, minutes, rule === undefined ? [] : [fired(rule, value)])).toContain('SUCCESS');
  });

  test.each<[string, string, Series, number]>([
    ['CftOperatorDown', 'one of two replicas answers', { [up('a')]: '0x20', [up('b')]: '1x20' }, 10],
    ['CftOperatorNotLeading', 'another one leads now', { [leads('a')]: '1x10 0x10', [leads('b')]: '0x10 1x10' }, 20],
    ['CftReconcileErrors', 'there was one error', { [errors]: '0x5 1x40' }, 21],
    ['CftRunFailed', 'it succeeded', { [is('Succeeded')]: '1x5' }, 1],
    ['CftRunPending', 'pods started after 20 minutes', { [is('PodsPending')]: '1x20 _x60' }, 31],
    ['CftRunStuck', 'it goes on, slowly', { [is('Running')]: '1x300', [progress]: '0+0.001x300' }, 250],
    ['CftRunStuck', 'it is suspended', { [is('Suspended')]: '1x300', [progress]: '0.3x300' }, 250],
    ['CftCriticalRatioLow', 'it is 5 %', { [criticalRatio]: '0.05x5' }, 1],
  ])('%s stays silent when %s', (alert, _, series, minutes) => {
    expect(unitTest(alert, series, minutes, [])).toContain('SUCCESS');
  });
});
