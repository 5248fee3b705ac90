import { StageResult } from '../../crds/stage.ts';
import { CONTAINER } from '../jobs/pod.ts';
import type { ContainerState, Pod } from '../kube/objects.ts';

/** What tells a stage's result from that of another stage, or of another manifest. */
export interface StageIdentity {
  readonly name: string;
  readonly digest: string;
}

const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';

/** The index of a pod of an Indexed Job; 0 for others. */
export function indexOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[INDEX_ANNOTATION] ?? 0);
}

/** The state of the container that does the stage. */
export function trainerState(pod: Pod): ContainerState {
  return pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state ?? {};
}

/** Whether a pod may still write to the run's directory, or will. */
export function isAlive(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

/** The result that a stage left in its pod's termination message; undefined if there is none, or it is not this stage's. */
export function resultOf(pod: Pod, stage: StageIdentity): StageResult | undefined {
  const message = trainerState(pod).terminated?.message;
  if (message === undefined) return undefined;
  const parsed = StageResult.safeParse(parseJson(message));
  if (!parsed.success || parsed.data.stage !== stage.name || parsed.data.digest !== stage.digest) return undefined;
  return parsed.data;
}

/** Why a pod failed, for people: what the stage said itself, or else how its container ended. */
export function failureMessage(pod: Pod, stage: StageIdentity): string {
  const result = resultOf(pod, stage);
  if (result?.message !== undefined) return result.message;
  const { terminated } = trainerState(pod);
  if (terminated === undefined)
    return pod.status?.message ?? `pod ${pod.metadata.name} failed: ${pod.status?.reason ?? 'no reason given'}`;
  const reason = terminated.reason === undefined ? '' : ` (${terminated.reason})`;
  const said = terminated.message === undefined || terminated.message === '' ? '' : `: ${terminated.message}`;
  return `the container ended with exit status ${terminated.exitCode}${reason}${said}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
