import { beforeEach, expect, test } from 'vitest';
import type { CftRun } from '../crds/cftrun.ts';
import { Controller } from './controller.ts';
import { ApiError } from './kube/api-error.ts';
import type { KubeClient } from './kube/client.ts';
import { type Job, type KubeObject, keyOf } from './kube/objects.ts';
import { conditionOf } from './reconcile/conditions.ts';
import type { RunEvent } from './reconcile/decision.ts';
import { ended, jobOf, NOW, SETTINGS, someRun } from './testdata/facts.ts';

/** Notes what the controller asks for, and answers as a test says. */
class Recorded implements Pick<KubeClient, 'get' | 'create' | 'apply' | 'merge' | 'delete'> {
  readonly calls: string[] = [];
  readonly objects: KubeObject[] = [];
  readonly missing = new Map<string, Job>();
  failures = new Map<string, Error>();

  async get<T>(_: unknown, __: string, name: string): Promise<T> {
    this.#note(`get ${name}`);
    const found = this.missing.get(name);
    if (found === undefined) throw new ApiError(404, 'not found');
    return found as T;
  }
  async create<T>(path: string, object: object): Promise<T> {
    this.objects.push(object as KubeObject);
    this.#note(`create ${path.split('/').at(-1)}`);
    return object as T;
  }
  async apply<T>(_: unknown, object: KubeObject): Promise<T> {
    this.objects.push(object);
    this.#note('apply status');
    return object as T;
  }
  async merge<T>(_: unknown, __: string, name: string): Promise<T> {
    this.#note(`merge ${name}`);
    return undefined as T;
  }
  async delete(_: unknown, __: string, name: string): Promise<void> {
    this.#note(`delete ${name}`);
  }

  #note(call: string): void {
    this.calls.push(call);
    const failure = this.failures.get(call);
    if (failure !== undefined) throw failure;
  }
}

let client: Recorded;
let events: RunEvent[];
beforeEach(() => {
  client = new Recorded();
  events = [];
});

function controllerOf(object: CftRun | KubeObject, jobs: Job[] = []) {
  const run = object as KubeObject;
  return new Controller({
    client: client as unknown as KubeClient,
    runs: { get: (key) => (key === keyOf(run) ? run : undefined) },
    jobs: { ofIndex: () => jobs },
    pods: { ofIndex: () => [] },
    recorder: { record: async (_, event) => void events.push(event) },
    progress: () => new Map(),
    settings: SETTINGS,
    now: () => NOW,
  });
}

const statusWritten = () => (client.objects.at(-1) as unknown as CftRun).status;

test('files before Jobs, Jobs before the status that tells of them', async () => {
  expect(await controllerOf(someRun()).reconcile('team/a')).toEqual({ requeueAfter: undefined });
  expect(client.calls).toEqual(['create configmaps', 'create jobs', 'create jobs', 'apply status']);
  expect(events.map(({ reason }) => reason)).toEqual(['StageStarted', 'StageStarted']);
});

test('a run that is gone is left alone', async () => {
  await controllerOf(someRun()).reconcile('team/other');
  expect(client.calls).toEqual([]);
});

test('a status that says the same is not written again', async () => {
  const run = someRun();
  await controllerOf(run).reconcile('team/a');
  const status = statusWritten();
  const jobs = client.objects.filter(({ kind }) => kind === 'Job') as Job[];
  client.calls.length = 0;
  await controllerOf({ ...run, status } as CftRun, jobs).reconcile('team/a');
  expect(client.calls).toEqual([]);
});

test('what is there already counts as made', async () => {
  client.failures.set('create jobs', new ApiError(409, 'exists', { reason: 'AlreadyExists' }));
  client.failures.set('create configmaps', new ApiError(409, 'exists', { reason: 'AlreadyExists' }));
  await controllerOf(someRun()).reconcile('team/a');
  expect(client.calls.at(-1)).toBe('apply status');
});

test('a Job that the cache lacks is asked for, before it counts as lost', async () => {
  const run = someRun();
  await controllerOf(run).reconcile('team/a');
  const running = { ...run, status: statusWritten() } as CftRun;
  const jobs = client.objects.filter(({ kind }) => kind === 'Job') as Job[];
  for (const job of jobs) client.missing.set(job.metadata.name, job);
  client.calls.length = 0;
  await controllerOf(running).reconcile('team/a');
  expect(client.calls).toEqual(jobs.map(({ metadata }) => `get ${metadata.name}`));
  client.missing.clear();
  await controllerOf(running).reconcile('team/a');
  expect(events.map(({ reason }) => reason)).toContain('StageRestarted');
});

test("another run's Job of the same label is not this run's", async () => {
  const stranger = jobOf(
    { ...someRun(), metadata: { name: 'a', uid: 'another' } } as CftRun,
    'generate',
    ended('Failed'),
  );
  await controllerOf(someRun(), [stranger]).reconcile('team/a');
  expect(statusWritten()?.phase).toBe('Running');
});

test('a status that was decided on by an outdated copy is looked at again', async () => {
  client.failures.set('apply status', new ApiError(409, 'changed', { reason: 'Conflict' }));
  expect(await controllerOf(someRun()).reconcile('team/a')).toMatchObject({ conflict: true });
});

test('what the API server refuses becomes a condition, and is tried again later', async () => {
  client.failures.set('create jobs', new ApiError(403, 'exceeded quota: gpus', { reason: 'Forbidden' }));
  expect(await controllerOf(someRun()).reconcile('team/a')).toMatchObject({ refused: 'exceeded quota: gpus' });
  const accepted = conditionOf(statusWritten()?.conditions, 'Accepted');
  expect(accepted).toMatchObject({ status: 'False', reason: 'Forbidden', message: 'exceeded quota: gpus' });
  expect(events.map(({ reason }) => reason)).toEqual(['Forbidden']);
});

test('an API server that does not know CftRuns yet, just after their CRD was installed, is asked again soon, and no run is called refused', async () => {
  const message =
    'jobs "a" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for CftRun';
  client.failures.set('create jobs', new ApiError(403, message, { reason: 'Forbidden' }));
  expect(await controllerOf(someRun()).reconcile('team/a')).toEqual({ requeueAfter: 3, refused: message });
  expect(client.calls).not.toContain('apply status');
  expect(events).toEqual([]);
});

test('an error of the server is thrown, for a later look', async () => {
  client.failures.set('create jobs', new ApiError(500, 'away'));
  await expect(controllerOf(someRun()).reconcile('team/a')).rejects.toThrow('away');
  expect(client.calls).not.toContain('apply status');
});

test('a spec that this operator cannot read is said in Accepted', async () => {
  const run = { ...someRun(), spec: { ...someRun().spec, annotate: { shards: 0 }, later: 1 } };
  await controllerOf(run as unknown as KubeObject).reconcile('team/a');
  expect(client.calls).toEqual(['apply status']);
  expect(conditionOf(statusWritten()?.conditions, 'Accepted')).toMatchObject({
    reason: 'SpecInvalid',
    message: expect.stringContaining('spec.annotate.shards'),
  });
});
