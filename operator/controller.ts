import { CftRun } from '../crds/cftrun.ts';
import { formatProblem, problemsOf } from '../crds/problem.ts';
import { withoutNulls } from '../crds/schema-walk.ts';
import { canonicalJson } from '../crds/stage-digest.ts';
import type { JobSettings } from './jobs/job.ts';
import { planGroups } from './jobs/place.ts';
import { ApiError, isAlreadyExists, isConflict, isOwnerUnknownYet, isStatus } from './kube/api-error.ts';
import type { KubeClient } from './kube/client.ts';
import type { EventRecorder } from './kube/events.ts';
import { type ConfigMap, type Job, type KubeObject, type Pod, splitKey } from './kube/objects.ts';
import type { Reflector } from './kube/reflector.ts';
import { CFT_RUNS, CLAIMS, CONFIG_MAPS, collectionPath, JOBS } from './kube/resources.ts';
import type { LiveProgress } from './progress/ask.ts';
import { type Decision, leaveAs } from './reconcile/decision.ts';
import { expectedJobs, type Facts } from './reconcile/facts.ts';
import { plan, rejected } from './reconcile/plan.ts';
import { unreadable } from './reconcile/policies/accept.ts';
import { nextStatus } from './reconcile/status.ts';

export interface ControllerOptions {
  readonly client: KubeClient;
  readonly runs: Pick<Reflector<KubeObject>, 'get'>;
  readonly jobs: Pick<Reflector<Job>, 'ofIndex'>;
  readonly pods: Pick<Reflector<Pod>, 'ofIndex'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  /** Of a run's pods, by their uid. */
  readonly progress: (key: string) => ReadonlyMap<string, LiveProgress>;
  readonly settings: JobSettings;
  readonly now: () => Date;
}

/** What became of a look at a run. `conflict`: someone else has changed it meanwhile, so that it must be looked at again. */
export interface ReconcileResult {
  readonly requeueAfter: number | undefined;
  readonly conflict?: boolean;
  /** The API server refused what the run asks for; without `requeueAfter` it is tried again later and later. */
  readonly refused?: string;
}

const REMEMBERED = 2000;

/** Seconds until a run is looked at again whose kind the API server does not know yet. */
const UNKNOWN_YET = 3;

/** Looks at one run: gathers what is known, decides, and carries the decision out. */
export class Controller {
  readonly #options: ControllerOptions;

  /** ConfigMaps made before, by their keys: a run's Jobs share them. */
  readonly #made = new Set<string>();

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** @throws ApiError, or what the connection failed with: look at the run again, later */
  async reconcile(key: string): Promise<ReconcileResult> {
    const object = this.#options.runs.get(key);
    if (object === undefined) return { requeueAfter: undefined };
    const facts = await this.#gather(key, object);
    try {
      return await this.#apply(
        object,
        facts,
        facts.unreadable === undefined ? plan(facts) : refuse(facts, facts.unreadable),
      );
    } catch (error) {
      if (isConflict(error)) return { requeueAfter: undefined, conflict: true };
      if (!(error instanceof ApiError) || !isStatus(error, 400, 403, 422)) throw error;
      if (isOwnerUnknownYet(error)) return { requeueAfter: UNKNOWN_YET, refused: error.message };
      await this.#apply(object, facts, rejected(facts, error.reason ?? 'Rejected', error.message));
      return { requeueAfter: undefined, refused: error.message };
    }
  }

  async #gather(key: string, object: KubeObject): Promise<Facts & { readonly unreadable: string | undefined }> {
    const { jobs, pods, progress, settings, now } = this.#options;
    const value = withoutNulls(CftRun, object);
    const parsed = CftRun.safeParse(value);
    if (!parsed.success) {
      const problems = problemsOf(CftRun, value, parsed.error.issues).map(formatProblem);
      const bare = { run: object as CftRun, groups: [], jobs: [], pods: [], progress: new Map(), now: now(), settings };
      return { ...bare, unreadable: problems.join('; ') };
    }
    const run = parsed.data;
    const groups = planGroups(run);
    const owned = jobs.ofIndex(key).filter((job) => isOwned(job, object));
    const missing = expectedJobs(run, groups).filter((name) => !owned.some(({ metadata }) => metadata.name === name));
    const found = await Promise.all(missing.map((name) => this.#find(splitKey(key).namespace, name, object)));
    const known = [...owned, ...found.filter((job) => job !== undefined)];
    return {
      run,
      groups,
      jobs: known,
      pods: pods.ofIndex(key),
      progress: progress(key),
      now: now(),
      settings,
      unreadable: undefined,
    };
  }

  /** A Job that the cache does not have (yet). */
  async #find(namespace: string, name: string, run: KubeObject): Promise<Job | undefined> {
    try {
      const job = await this.#options.client.get<Job>(JOBS, namespace, name);
      return isOwned(job, run) ? job : undefined;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #apply(object: KubeObject, { run }: Facts, decision: Decision): Promise<ReconcileResult> {
    const { client, recorder } = this.#options;
    const { namespace = 'default', name, uid, resourceVersion } = object.metadata;
    // Each step before the next: a pod finds what it mounts, and a status never tells of a Job that was not made.
    await Promise.all([
      ...decision.claims.map((claim) => this.#create(collectionPath(CLAIMS, namespace), claim)),
      ...decision.configMaps.map((configMap) => this.#createOnce(namespace, configMap)),
    ]);
    await Promise.all(decision.jobsToCreate.map((job) => this.#create(collectionPath(JOBS, namespace), job)));
    for (const { name: job, suspend } of decision.jobsToSuspend)
      await ignoreMissing(client.merge(JOBS, namespace, job, { spec: { suspend } }));
    for (const job of decision.jobsToDelete) await ignoreMissing(client.delete(JOBS, namespace, job));
    const told = Promise.all(decision.events.map((event) => recorder.record(run, event)));
    try {
      if (canonicalJson(decision.status) !== canonicalJson(run.status ?? {})) {
        // The version makes the API server refuse a status that was decided on by an outdated copy.
        const metadata = { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
        await client.apply(CFT_RUNS, { ...headOf(run), metadata, status: decision.status } as KubeObject, '/status');
      }
    } finally {
      await told;
    }
    if (decision.deleteRun) await ignoreMissing(client.delete(CFT_RUNS, namespace, name, uid));
    return { requeueAfter: decision.requeueAfter };
  }

  /** Creates a ConfigMap, whose name is a function of its content, unless that was done before. */
  async #createOnce(namespace: string, configMap: ConfigMap): Promise<void> {
    const key = `${namespace}/${configMap.metadata.name}`;
    if (this.#made.has(key)) return;
    await this.#create(collectionPath(CONFIG_MAPS, namespace), configMap);
    this.#made.add(key);
    if (this.#made.size > REMEMBERED) this.#made.delete(this.#made.values().next().value ?? '');
  }

  async #create(path: string, object: object): Promise<void> {
    try {
      await this.#options.client.create(path, object);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

function headOf({ apiVersion, kind }: CftRun) {
  return { apiVersion, kind };
}

function isOwned({ metadata }: KubeObject, run: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => uid === run.metadata.uid && controller === true,
  );
}

function refuse(facts: Facts, problems: string): Decision {
  return leaveAs(nextStatus(facts, [], { accepted: unreadable(problems) }));
}

async function ignoreMissing(done: Promise<unknown>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}
