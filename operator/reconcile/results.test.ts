import { expect, test } from 'vitest';
import type { Stage } from '../../crds/stage.ts';
import { planGroups } from '../jobs/place.ts';
import { ended, factsOf, jobOf, podOf, progressed, resultOfStage, someRun, terminated } from '../testdata/facts.ts';
import { observe } from './observe.ts';
import { collectArtifacts, collectResults, headline } from './results.ts';

const run = someRun();

function resultsOf(metrics: (stage: Stage) => Record<string, number>, of = run): Record<string, string> {
  const found = collectResults(undefined, observe(factsOf(of, progressed(of, metrics))));
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}

test('means of annotation are weighted by the tokens of each shard', () => {
  const shards: Record<string, Record<string, number>> = {
    'annotate-00000': { tokens: 100, criticalRatio: 0.1, entropy: 0.2 },
    'annotate-00001': { tokens: 300, criticalRatio: 0.3, entropy: 0.6, entropyCritical: 1 },
  };
  expect(resultsOf((stage) => shards[stage.name] ?? {})).toMatchObject({
    'annotate/tokens': '400',
    'critical-ratio': '0.25',
    'entropy/all': '0.5',
    'entropy/critical': '1',
  });
});

test('a run without an annotated token has no ratio, and none that is not a number', () => {
  const results = resultsOf((stage) =>
    stage.kind === 'annotate' ? { tokens: 0, criticalRatio: 0 } : { questions: 0 },
  );
  expect(results['annotate/tokens']).toBe('0');
  expect(results['critical-ratio']).toBeUndefined();
  expect(Object.values(results)).not.toContain('NaN');
});

test('results of evaluation carry the name of the data set, of one or of several', () => {
  const accuracy = (names: string[]) => (stage: Stage) =>
    stage.kind === 'evaluate' ? Object.fromEntries(names.map((name) => [name, 0.5])) : {};
  expect(resultsOf(accuracy(['accuracy', 'learningRate']))).toMatchObject({
    'base/test/accuracy': '0.5',
    'cft/test/accuracy': '0.5',
    'cft/learningRate': '0.5',
  });
  const two = someRun({ evaluation: { datasets: ['test', 'more'].map((name) => ({ name, source: 'x' })) } });
  expect(resultsOf(accuracy(['test/accuracy', 'more/accuracy']), two)).toMatchObject({
    'cft/test/accuracy': '0.5',
    'cft/more/accuracy': '0.5',
  });
});

test('what was recorded stays when the pods are gone', () => {
  const before = { results: [{ name: 'critical-ratio', value: '0.125' }] };
  expect(collectResults(before, observe(factsOf(run)))).toEqual(before.results);
});

test('shards count only together', () => {
  const job = jobOf(run, 'annotate', { completedIndexes: '0' });
  const stage = planGroups(run).find(({ name }) => name === 'annotate')?.stages[0] as Stage;
  const pod = podOf(job, {
    phase: 'Succeeded',
    state: terminated(resultOfStage(stage, { tokens: 9, criticalRatio: 1 })),
  });
  const complete = { ...job, status: ended('Complete') };
  expect(collectResults(undefined, observe(factsOf(run, { jobs: [job], pods: [pod] })))).toEqual([]);
  expect(collectResults(undefined, observe(factsOf(run, { jobs: [complete], pods: [pod] })))).not.toEqual([]);
});

test('artifacts are named by what they are of', () => {
  const { jobs } = progressed(run, () => ({}));
  const pods = planGroups(run).flatMap((group) => {
    const job = jobs.find(({ metadata }) => metadata.labels?.['cft.dev/stage'] === group.name);
    const [stage] = group.stages;
    if (job === undefined || stage === undefined) return [];
    const artifacts = { [group.kind === 'report' ? 'report' : 'model']: `where/${group.name}` };
    return [podOf(job, { phase: 'Succeeded', state: terminated(resultOfStage(stage, {}, { artifacts })) })];
  });
  expect(collectArtifacts(undefined, observe(factsOf(run, { jobs, pods })))).toEqual([
    { name: 'cft-lr1e-5-s0/model', path: 'where/train-cft-lr1e-5-s0' },
    { name: 'base/model', path: 'where/evaluate-base' },
    { name: 'cft/model', path: 'where/evaluate-cft' },
    { name: 'report', path: 'where/report' },
  ]);
});

test('the columns show the ratio and the best critical variant', () => {
  const two = someRun({
    training: {
      variants: ['a', 'b', 'plain'].map((name) => ({ name, objective: name === 'plain' ? 'all' : 'critical' })),
    },
  });
  const results = [
    { name: 'critical-ratio', value: '0.0833333' },
    { name: 'a/test/accuracy', value: '0.4' },
    { name: 'b/test/accuracy', value: '0.61' },
    { name: 'plain/test/accuracy', value: '0.9' },
  ];
  expect(headline(two, results)).toEqual({ criticalRatio: '0.0833', accuracy: '0.6100' });
  expect(headline(two, [])).toEqual({});
});
