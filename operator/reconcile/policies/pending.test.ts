import { expect, test } from 'vitest';
import type { Pod } from '../../kube/objects.ts';
import { factsOf, jobOf, podOf, someRun } from '../../testdata/facts.ts';
import { observe } from '../observe.ts';
import { pendingCondition } from './pending.ts';

const options = { queueName: undefined, known: false };

function unschedulable(message: string, index = 0): Pod {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  return podOf(generate, { index, phase: 'Pending', more: { conditions } });
}

const waiting = (reason: string, message?: string) =>
  podOf(generate, { phase: 'Pending', state: { waiting: { reason, ...(message === undefined ? {} : { message }) } } });

const run = someRun();
const generate = jobOf(run, 'generate');
const viewsWith = (...pods: Pod[]) => observe(factsOf(run, { jobs: [generate], pods }));

test('a run whose pods all start has no such condition; one that had it says that it is over', () => {
  const views = viewsWith(podOf(generate, { state: { running: {} } }));
  expect(pendingCondition(views, options)).toBeUndefined();
  expect(pendingCondition(views, { ...options, known: true })).toMatchObject({
    status: 'False',
    reason: 'PodsStarted',
  });
});

test("the scheduler's reason and words, of the first pod by name", () => {
  const views = viewsWith(
    unschedulable('second', 1),
    unschedulable('0/3 nodes are available: 3 Insufficient nvidia.com/gpu.'),
  );
  expect(pendingCondition(views, options)).toEqual({
    type: 'PodsPending',
    status: 'True',
    reason: 'Unschedulable',
    message: `${generate.metadata.name}-0-pending: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.`,
  });
});

test.each([
  ['CreateContainerConfigError', 'secret "hub" not found', 'CreateContainerConfigError', 'secret "hub" not found'],
  ['InvalidImageName', undefined, 'InvalidImageName', 'InvalidImageName'],
  ['ErrImagePull', 'pull access denied', 'ImagePullBackOff', 'its image cannot be pulled'],
  ['ImagePullBackOff', 'Back-off pulling image', 'ImagePullBackOff', 'its image cannot be pulled'],
])('the kubelet waits for %s', (reason, said, shown, message) => {
  expect(pendingCondition(viewsWith(waiting(reason, said)), options)).toMatchObject({
    status: 'True',
    reason: shown,
    message: `${generate.metadata.name}-0-pending: ${message}`,
  });
});

test('what passes by itself is no obstacle', () => {
  expect(pendingCondition(viewsWith(waiting('ContainerCreating')), options)).toBeUndefined();
  const going = { ...unschedulable('gone soon') };
  const deleted = { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } };
  expect(pendingCondition(viewsWith(deleted), options)).toBeUndefined();
});

test('a Job that its queue has not admitted', () => {
  const queued = someRun({ queueName: 'gpus' });
  const views = observe(factsOf(queued, { jobs: [jobOf(queued, 'generate')] }));
  expect(pendingCondition(views, { queueName: 'gpus', known: false })).toMatchObject({
    reason: 'Queued',
    message: 'generate waits for admission by the queue gpus',
  });
});
