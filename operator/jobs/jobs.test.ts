import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CftRun } from '../../crds/cftrun.ts';
import { CftRun as Schema } from '../../crds/cftrun.ts';
import { manifests } from '../../crds/testdata/manifests.ts';
import type { Job } from '../kube/objects.ts';
import { SETTINGS, someRun } from '../testdata/facts.ts';
import { claimNameOf, claimOf } from './claim.ts';
import { isIndexed } from './groups.ts';
import { stageJob } from './job.ts';
import { jobName } from './names.ts';
import { planGroups } from './place.ts';
import { stageFiles } from './stage-files.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

const runs = fc.tuple(manifests, fc.uuid()).map(([manifest, uid]): CftRun => {
  const run = Schema.parse(manifest);
  return {
    ...run,
    metadata: { ...run.metadata, uid, namespace: 'team' },
    spec: { ...run.spec, storage: { persistentVolumeClaim: { claimName: 'runs' } } },
  };
});

/** Every Job of a run at its first attempt. */
function jobsOf(run: CftRun) {
  const groups = planGroups(run);
  const files = stageFiles(run, groups);
  return groups.map((group) => ({ group, job: stageJob(run, group, 1, files, SETTINGS) }));
}

interface Container {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly persistentVolumeClaim?: object }[];
}

function podSpecOf(job: Job | undefined): PodSpec {
  const { template } = (job?.spec ?? {}) as { template?: { spec: PodSpec } };
  return template?.spec ?? { containers: [], volumes: [] };
}

test('names of children fit: also those that Kubernetes makes of them, and labels', () => {
  fc.assert(
    fc.property(runs, (run) => {
      for (const { group, job } of jobsOf(run)) {
        expect(job.metadata.name).toMatch(DNS_LABEL);
        // A pod of an Indexed Job has its index and five random characters more, in a label of 63.
        const pod = `${job.metadata.name}-${isIndexed(group) ? group.stages.length - 1 : 0}-abcde`;
        expect(pod.length).toBeLessThanOrEqual(63);
        for (const value of Object.values(job.metadata.labels ?? {})) {
          expect(value.length).toBeLessThanOrEqual(63);
          expect(value).toMatch(LABEL_VALUE);
        }
      }
      expect(claimNameOf({ ...run, spec: { ...run.spec, storage: undefined } })).toMatch(DNS_LABEL);
    }),
    { numRuns: 50 },
  );
});

test('no two children share a name: of two groups, attempts, or runs of the same name', () => {
  fc.assert(
    fc.property(runs, fc.uuid(), (run, uid) => {
      const other = { ...run, metadata: { ...run.metadata, uid } };
      fc.pre(uid !== run.metadata.uid);
      const names = [run, other].flatMap((one) =>
        planGroups(one).flatMap(({ name }) => [1, 2, 10].map((attempt) => jobName(one, name, attempt))),
      );
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 50 },
  );
});

test('every stage lies in exactly one file, which its pod finds', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const groups = planGroups(run);
      const { configMaps, whereabouts } = stageFiles(run, groups);
      const written = configMaps.flatMap(({ data = {} }) => Object.values(data)).map((text) => JSON.parse(text).name);
      expect(written.sort()).toEqual(groups.flatMap(({ stages }) => stages.map(({ name }) => name)).sort());
      expect(whereabouts.size).toBe(written.length);
      expect(stageFiles(run, groups)).toEqual({ configMaps, whereabouts });
    }),
    { numRuns: 50 },
  );
});

describe('the pod of a stage', () => {
  const [first] = jobsOf(someRun({ pods: { env: [{ name: 'HOME', value: '/home/me' }], image: 'mine:1' } }));
  const spec = podSpecOf(first?.job);
  const [container] = spec.containers;

  test('fits the restricted Pod Security level, and has no token', () => {
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test("takes the run's own image and variables over the operator's", () => {
    expect(container?.image).toBe('mine:1');
    expect(container?.env?.filter(({ name }) => name === 'HOME')).toEqual([{ name: 'HOME', value: '/home/me' }]);
  });

  test('shards are told apart by their index, and retried by themselves', () => {
    expect(first?.job.spec).toMatchObject({ completionMode: 'Indexed', completions: 2, backoffLimitPerIndex: 3 });
    expect(container?.command).toEqual([
      'cft',
      'generate',
      '--stage',
      '/etc/cft/generate-$(JOB_COMPLETION_INDEX).json',
    ]);
  });
});

describe('sources on other claims than the own one of the run', () => {
  const run = someRun({
    model: { source: 'pvc://models/large/../tiny' },
    data: { train: { source: 'pvc://runs/train.jsonl' } },
    annotate: { transfer: { source: 'pvc://models/annotations' } },
    evaluation: {
      datasets: [
        { name: 'one', source: 'pvc://benchmarks' },
        { name: 'two', source: 'hf://org/two' },
      ],
    },
  });
  const byName = new Map(jobsOf(run).map(({ group, job }) => [group.name, { group, spec: podSpecOf(job) }]));
  const others = (group: string) => {
    const { volumes, containers } = byName.get(group)?.spec ?? {};
    const claims = volumes?.filter(({ name }) => name.startsWith('claim-')) ?? [];
    const mounts = containers?.[0]?.volumeMounts?.filter(({ name }) => name.startsWith('claim-')) ?? [];
    expect(mounts.every(({ readOnly }) => readOnly)).toBe(true);
    return claims.map(({ name, persistentVolumeClaim }) => [
      persistentVolumeClaim,
      mounts.filter((mount) => mount.name === name).map(({ mountPath }) => mountPath),
    ]);
  };
  const models = [{ claimName: 'models', readOnly: true }, ['/claims/models']];
  const benchmarks = [{ claimName: 'benchmarks', readOnly: true }, ['/claims/benchmarks']];

  test('each is mounted read-only, into the pods of the stages that read it and no others', () => {
    expect(others('generate')).toEqual([models]);
    expect(others('annotate')).toEqual([models]);
    expect(others('train-cft-lr1e-5-s0')).toEqual([models]);
    expect(others('evaluate-cft')).toEqual([benchmarks, models]);
    expect(others('report')).toEqual([]);
  });

  test('the stage finds them as paths, as it does those in its own volume', () => {
    const paramsOf = (group: string) => byName.get(group)?.group.stages[0]?.params;
    expect(paramsOf('generate')).toMatchObject({
      model: { source: '/claims/models/tiny' },
      data: { source: '/storage/train.jsonl' },
      transfer: { source: '/claims/models/annotations' },
    });
    expect(paramsOf('evaluate-base')).toMatchObject({
      datasets: [{ source: '/claims/benchmarks/' }, { source: 'hf://org/two' }],
    });
  });

  test('a file in the own volume is the same source by its path and by its claim, in another claim it is not', () => {
    const digest = (source: string) => planGroups(someRun({ model: { source } }))[0]?.stages[0]?.digest;
    expect(digest('pvc://runs/tiny')).toBe(digest('tiny'));
    expect(digest('pvc://models/tiny')).not.toBe(digest('tiny'));
    expect(digest('pvc://models/tiny')).not.toBe(digest('pvc://others/tiny'));
  });
});

test('with a queue a Job starts suspended, under its label', () => {
  const [first] = jobsOf(someRun({ queueName: 'gpus' }));
  expect(first?.job).toMatchObject({
    metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'gpus' } },
    spec: { suspend: true },
  });
});

test('a claim from a template belongs to its run, unless it is to stay', () => {
  const withTemplate = (more: object) =>
    claimOf(
      someRun({
        storage: { persistentVolumeClaim: { template: { resources: { requests: { storage: '1Gi' } }, ...more } } },
      }),
    );
  expect(withTemplate({})?.metadata.ownerReferences).toHaveLength(1);
  expect(withTemplate({ whenDeleted: 'Retain' })?.metadata.ownerReferences).toBeUndefined();
  expect(withTemplate({ storageClassName: '' })).toMatchObject({
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' },
  });
  expect(claimOf(someRun())).toBeUndefined();
});
