import { expect, test } from 'vitest';
import { factsOf, jobOf, podOf, progressed, someRun } from '../../testdata/facts.ts';
import { observe } from '../observe.ts';
import { groupsToStart } from './order.ts';

const run = someRun();
const names = (until?: string, more: object = {}) =>
  groupsToStart(observe(factsOf(run, { ...progressed(run, () => ({}), until), ...more }))).map(
    ({ group }) => group.name,
  );

test('first what waits for nothing', () => {
  expect(names('generate')).toEqual(['generate', 'evaluate-base']);
});

test('then each group once all before it have succeeded', () => {
  expect(names('annotate')).toEqual(['annotate', 'evaluate-base']);
  expect(names('train-cft-lr1e-5-s0')).toEqual(['train-cft-lr1e-5-s0', 'evaluate-base']);
  expect(names('report')).toEqual(['report']);
  expect(names()).toEqual([]);
});

test('not while a pod of a deleted run of the same name still works in the directory', () => {
  const other = jobOf({ ...run, metadata: { ...run.metadata, uid: 'another' } }, 'generate');
  expect(names('generate', { pods: [podOf(other)] })).toEqual(['evaluate-base']);
  expect(names('generate', { pods: [podOf(other, { phase: 'Failed' })] })).toEqual(['generate', 'evaluate-base']);
});
