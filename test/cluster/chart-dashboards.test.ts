import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filledIn, panelQueries } from '../../helm/generate/testing/queries.ts';
import { finishedRun, gpuExposition, operatorExposition, serveExpositions, stageExposition } from './exporters.ts';
import { ALL_ON, hasHelm, only, provideHelm, render } from './helm.ts';
import { BUILD_TIMEOUT, hasPrometheus, Prometheus, promtool, providePrometheus } from './prometheus.ts';

const NAMESPACE = 'team';
const RUN = 'first';
const VARIABLES = { namespace: NAMESPACE, run: RUN, job: 'cft-operator', __rate_interval: '10s' };

describe.skipIf(!hasHelm || !hasPrometheus)(
  'dashboards, on a Prometheus that has scraped what the code exports',
  () => {
    const texts = {
      '/operator': operatorExposition([finishedRun(NAMESPACE, RUN)]),
      '/stage': stageExposition(),
      '/gpu': gpuExposition(NAMESPACE, 'first-train-0'),
    };
    let exporters: Awaited<ReturnType<typeof serveExpositions>>;
    let prometheus: Prometheus;

    beforeAll(async () => {
      await Promise.all([provideHelm(), providePrometheus()]);
      exporters = await serveExpositions(texts);
      const { podMetricsEndpoints } = only(await render(ALL_ON), 'PodMonitor').spec;
      const [{ regex, action }] = podMetricsEndpoints[0].metricRelabelings;
      const target = (path: keyof typeof texts, labels: Record<string, string>) => ({
        job_name: `${path} ${labels.pod}`,
        metrics_path: path,
        static_configs: [{ targets: [exporters.address], labels }],
      });
      // The labels that the monitors of the chart give.
      const operator = { job: 'cft-operator', namespace: 'cft-system', pod: 'cft-operator-0' };
      const stages = ['generate', 'annotate', 'train', 'evaluate'].map((kind) => ({
        ...target('/stage', { namespace: NAMESPACE, pod: `first-${kind}-0`, run: RUN, stage: kind, kind, shard: '0' }),
        metric_relabel_configs: [{ action, regex }],
      }));
      prometheus = await Prometheus.start([
        { ...target('/operator', operator), honor_labels: true },
        { ...target('/gpu', { namespace: 'gpu', pod: 'dcgm-0' }), honor_labels: true },
        ...stages,
      ]);
      // A rate needs two values.
      await prometheus.untilScraped(stages.length + 2, 3);
    }, BUILD_TIMEOUT);

    afterAll(async () => {
      await prometheus?.stop();
      await exporters?.close();
    });

    test.each(['/operator', '/stage'] as const)('promtool finds no fault with the metrics of %s', async (path) => {
      expect(promtool(['check', 'metrics'], await texts[path]())).toBe('');
    });

    test.each(panelQueries().map(({ name, expr }) => [name, expr] as const))('%s has an answer', async (_, expr) => {
      const answer = await prometheus.query(filledIn(expr, VARIABLES));
      expect(answer).not.toEqual([]);
      for (const { value } of answer) expect(Number(value[1])).not.toBeNaN();
    });

    test('a series of the operator and one of a stage with the same name are told apart by stage', async () => {
      const ofRun = await prometheus.query(`cft_annotate_critical_ratio{run="${RUN}",stage=""}`);
      expect(ofRun.map(({ value }) => value[1])).toEqual(['0.125']);
      const [info] = await prometheus.query('cft_run_info{stage="train"}');
      expect(info?.metric).toMatchObject({ run: RUN, kind: 'train', namespace: NAMESPACE });
    });
  },
);
