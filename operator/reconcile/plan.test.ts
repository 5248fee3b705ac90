import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CftRun, CftRunStatus } from '../../crds/cftrun.ts';
import { planGroups } from '../jobs/place.ts';
import type { Job, Pod } from '../kube/objects.ts';
import { after, ended, factsOf, jobOf, NOW, podOf, progressed, someRun, terminated } from '../testdata/facts.ts';
import { conditionOf, isTrue } from './conditions.ts';
import type { Decision } from './decision.ts';
import { expectedJobs } from './facts.ts';
import { isFinished, plan, rejected } from './plan.ts';

const metrics = () => ({});
const created = ({ jobsToCreate }: Decision) => jobsToCreate.map(({ metadata }) => metadata.labels?.['cft.dev/stage']);
const reasons = ({ events }: Decision) => events.map(({ reason }) => reason);
const withStatus = (run: CftRun, status: CftRunStatus): CftRun => ({ ...run, status });

test('a new run: its stage files, then the Jobs that wait for nothing, and a status that says so', () => {
  const decision = plan(factsOf(someRun()));
  expect(decision.configMaps).toHaveLength(1);
  expect(decision.claims).toEqual([]);
  expect(created(decision)).toEqual(['generate', 'evaluate-base']);
  expect(reasons(decision)).toEqual(['StageStarted', 'StageStarted']);
  expect(decision.status).toMatchObject({ observedGeneration: 1, phase: 'Running', startTime: '2026-01-01T12:00:00Z' });
  expect(decision.status.stages?.slice(0, 3).map(({ name, phase, attempts }) => [name, phase, attempts])).toEqual([
    ['generate-00000', 'Pending', 1],
    ['generate-00001', 'Pending', 1],
    ['annotate-00000', 'Pending', undefined],
  ]);
});

test('the same facts give the same decision, and a decision carried out leads to none', () => {
  const run = someRun();
  const first = plan(factsOf(run));
  expect(plan(factsOf(run))).toEqual(first);
  const jobs = first.jobsToCreate.map((job) => ({ ...job, metadata: { ...job.metadata, uid: job.metadata.name } }));
  const second = plan(factsOf(withStatus(run, first.status), { jobs, now: after(5) }));
  expect(second).toMatchObject({ jobsToCreate: [], configMaps: [], events: [], status: first.status });
});

test('a suspended run starts nothing', () => {
  const decision = plan(factsOf(someRun({ suspend: true })));
  expect(created(decision)).toEqual([]);
  expect(decision.status).toMatchObject({ phase: 'Suspended' });
  expect(decision.status.startTime).toBeUndefined();
  expect(reasons(decision)).toEqual(['RunSuspended']);
});

test('a run whose volume is missing is refused, and starts nothing', () => {
  const decision = plan(factsOf(someRun({ storage: undefined })));
  expect(created(decision)).toEqual([]);
  expect(conditionOf(decision.status.conditions, 'Accepted')).toMatchObject({
    status: 'False',
    reason: 'StorageRequired',
  });
  expect(reasons(decision)).toEqual(['StorageRequired']);
});

describe('a claim from a template', () => {
  const storage = { persistentVolumeClaim: { template: { resources: { requests: { storage: '1Gi' } } } } };

  test('is made before the first Job, which uses it', () => {
    const { claims, jobsToCreate, status, events } = plan(factsOf(someRun({ storage })));
    expect(claims).toHaveLength(1);
    expect(status.claimName).toBe(claims[0]?.metadata.name);
    expect(JSON.stringify(jobsToCreate[0]?.spec)).toContain(`"claimName":"${status.claimName}"`);
    expect(events[0]?.reason).toBe('StorageClaimed');
  });

  test('is not made again: an empty volume would pass for the data of the run', () => {
    const run = someRun({ storage });
    const { status } = plan(factsOf(run));
    expect(plan(factsOf(withStatus(run, status)))).toMatchObject({
      claims: [],
      status: { claimName: status.claimName },
    });
  });
});

test('when all stages have succeeded the run has, and stays so whatever becomes of its Jobs', () => {
  const run = someRun({ ttlSecondsAfterFinished: 60 });
  const decision = plan(factsOf(run, progressed(run, metrics)));
  expect(decision.status).toMatchObject({
    phase: 'Succeeded',
    progress: '100%',
    completionTime: '2026-01-01T12:00:00Z',
  });
  expect(reasons(decision).at(-1)).toBe('RunSucceeded');
  expect(decision.requeueAfter).toBe(60);
  const finished = withStatus(run, decision.status);
  const later = plan(factsOf(finished, { now: after(10) }));
  expect(later).toMatchObject({ jobsToCreate: [], status: decision.status, requeueAfter: 50, deleteRun: false });
  expect(plan(factsOf(finished, { now: after(60) })).deleteRun).toBe(true);
});

test('when a stage fails for good the others stop, and their Jobs go', () => {
  const run = someRun();
  const failed = jobOf(run, 'evaluate-base', ended('Failed', 'BackoffLimitExceeded'));
  const active = jobOf(run, 'generate');
  const pod = podOf(failed, { phase: 'Failed', state: terminated('no memory', 1) });
  const decision = plan(factsOf(run, { jobs: [failed, active], pods: [pod] }));
  expect(decision.jobsToDelete).toEqual([active.metadata.name]);
  expect(decision.status).toMatchObject({ phase: 'Failed', completionTime: '2026-01-01T12:00:00Z' });
  expect(conditionOf(decision.status.conditions, 'Failed')?.message).toContain('no memory');
  expect(reasons(decision)).toEqual(['PodFailed', 'RunFailed']);
});

test('a run past its deadline fails', () => {
  const run = withStatus(someRun({ activeDeadlineSeconds: 60 }), { startTime: NOW.toISOString() });
  const jobs = [jobOf(run, 'generate')];
  expect(plan(factsOf(run, { jobs, now: after(20) })).requeueAfter).toBe(40);
  const decision = plan(factsOf(run, { jobs, now: after(61) }));
  expect(conditionOf(decision.status.conditions, 'Failed')?.reason).toBe('DeadlineExceeded');
  expect(decision.jobsToDelete).toHaveLength(1);
});

test('a run that is being deleted is left alone', () => {
  const run = someRun();
  const deleted = { ...run, metadata: { ...run.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(plan(factsOf(deleted))).toMatchObject({ jobsToCreate: [], events: [] });
});

test('what the API server refuses is said in Accepted, and leaves what runs', () => {
  const run = someRun();
  const decision = rejected(
    factsOf(run, { jobs: [jobOf(run, 'generate')] }),
    'Invalid',
    'spec.template: quota exceeded',
  );
  expect(conditionOf(decision.status.conditions, 'Accepted')).toMatchObject({ reason: 'Invalid', status: 'False' });
  expect(decision).toMatchObject({ jobsToDelete: [], jobsToCreate: [] });
});

// Whatever happens to Jobs and pods in whatever order, seen now or later.
test('no Job is started twice for an attempt, a settled stage never changes, and an ended run never starts anything', () => {
  const run = someRun({ backoffLimit: 1 });
  const groups = planGroups(run);
  const step = fc.record({
    group: fc.nat({ max: groups.length - 1 }),
    what: fc.constantFrom('complete', 'fail', 'delete', 'forget', 'look'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let status: CftRunStatus | undefined;
      const world = new Map<string, Job>();
      const everMade = new Set<string>();
      const look = () => {
        const known = { ...run, ...(status === undefined ? {} : { status }) };
        const decision = plan(factsOf(known, { jobs: [...world.values()] }));
        if (isFinished(status)) expect([decision.jobsToCreate, decision.status]).toEqual([[], status]);
        for (const { metadata, spec } of decision.jobsToCreate) {
          expect(everMade).not.toContain(metadata.name);
          everMade.add(metadata.name);
          world.set(metadata.name, { metadata: { ...metadata, uid: metadata.name }, spec });
        }
        for (const name of decision.jobsToDelete) world.delete(name);
        for (const old of status?.stages ?? [])
          if (old.phase === 'Succeeded' || old.phase === 'Failed') expect(decision.status.stages).toContainEqual(old);
        status = decision.status;
        expect(isTrue(status.conditions, 'Succeeded') && isTrue(status.conditions, 'Failed')).toBe(false);
        expect(new Set(expectedJobs({ ...run, status }, groups)).size).toBe(
          expectedJobs({ ...run, status }, groups).length,
        );
      };
      look();
      for (const { group, what } of steps) {
        const name = groups[group]?.name;
        const [key, job] = [...world].findLast(([, { metadata }]) => metadata.labels?.['cft.dev/stage'] === name) ?? [];
        if (key === undefined || job === undefined) continue;
        const open = job.status?.conditions === undefined;
        if (what === 'complete' && open) world.set(key, { ...job, status: ended('Complete') });
        if (what === 'fail' && open) world.set(key, { ...job, status: ended('Failed', 'BackoffLimitExceeded') });
        if (what === 'delete') world.delete(key);
        look();
      }
      for (let round = 0; round < groups.length + 1; round++) {
        for (const [key, job] of world)
          if (job.status?.conditions === undefined) world.set(key, { ...job, status: ended('Complete') });
        look();
      }
      expect(isFinished(status)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('pods of a stage that failed and was tried again do not make it fail', () => {
  const run = someRun();
  const job = jobOf(run, 'evaluate-base', ended('Complete'));
  const pods: Pod[] = [
    podOf(job, { phase: 'Failed', state: terminated('', 137) }),
    podOf(job, { phase: 'Succeeded', state: terminated('') }),
  ];
  const { status } = plan(factsOf(run, { jobs: [job], pods }));
  expect(status.stages?.find(({ name }) => name === 'evaluate-base')?.phase).toBe('Succeeded');
});
