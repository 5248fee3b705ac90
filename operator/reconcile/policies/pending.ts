import type { Pod } from '../../kube/objects.ts';
import type { ConditionDraft } from '../conditions.ts';
import type { GroupView } from '../observe.ts';

export const QUEUED = 'Queued';
export const PODS_STARTED = 'PodsStarted';

/** What keeps a pod from starting, in the words of the scheduler or the kubelet. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
}

/** Reasons of a waiting container that need someone to do something. */
const OBSTACLES: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/**
 * The condition PodsPending: true, with the scheduler's or the kubelet's own reason, while a pod can't start; undefined for a run in which
 * that has not been so yet.
 *
 * @param known whether the run has the condition already
 */
export function pendingCondition(
  views: readonly GroupView[],
  { queueName, known }: { readonly queueName: string | undefined; readonly known: boolean },
): ConditionDraft | undefined {
  const active = views.filter(({ state }) => state === 'active');
  const queued = active.find(({ job }) => queueName !== undefined && job?.spec.suspend === true);
  const obstacle =
    active.flatMap(obstaclesOf)[0] ??
    (queued && { reason: QUEUED, message: `${queued.group.name} waits for admission by the queue ${queueName}` });
  if (obstacle !== undefined) return { type: 'PodsPending', status: 'True', ...obstacle };
  return known
    ? { type: 'PodsPending', status: 'False', reason: PODS_STARTED, message: 'no pod waits for anything' }
    : undefined;
}

/** What keeps pods of an active group from starting: of each reason the first pod, by name. */
export function obstaclesOf({ state, pods }: GroupView): Obstacle[] {
  if (state !== 'active') return [];
  const sorted = [...pods].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  const found = sorted.flatMap((pod) => obstacleOf(pod) ?? []);
  return found.filter(({ reason }, index) => found.findIndex((other) => other.reason === reason) === index);
}

function obstacleOf(pod: Pod): Obstacle | undefined {
  if (pod.status?.phase !== 'Pending' || pod.metadata.deletionTimestamp !== undefined) return undefined;
  const scheduled = pod.status.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason !== undefined)
    return { reason: scheduled.reason, message: `${pod.metadata.name}: ${scheduled.message ?? 'cannot be scheduled'}` };
  const waiting = pod.status.containerStatuses
    ?.map(({ state }) => state?.waiting)
    .find((state) => OBSTACLES.has(state?.reason ?? ''));
  if (waiting?.reason === undefined) return undefined;
  // The kubelet goes back and forth between the two, with a new text each time.
  const reason = waiting.reason === 'ErrImagePull' ? 'ImagePullBackOff' : waiting.reason;
  const message = reason === 'ImagePullBackOff' ? 'its image cannot be pulled' : (waiting.message ?? reason);
  return { reason, message: `${pod.metadata.name}: ${message}` };
}
