import type { CftRun } from '../../crds/cftrun.ts';
import type { KubeObject } from '../kube/objects.ts';
import { childLabels, childName, ownerReference } from './names.ts';

/** Name of the claim whose volume a run works in: the one it names, or the one that is made for it. */
export function claimNameOf(run: CftRun): string {
  return run.spec.storage?.persistentVolumeClaim?.claimName ?? childName(run, 'storage');
}

/**
 * The claim that a run wants to be made; undefined where it names one that is there. Only one that is to go with the run is owned by it:
 * the garbage collector leaves the other alone.
 */
export function claimOf(run: CftRun): KubeObject | undefined {
  const template = run.spec.storage?.persistentVolumeClaim?.template;
  if (template === undefined) return undefined;
  const { whenDeleted, ...spec } = template;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimNameOf(run),
      namespace: run.metadata.namespace ?? 'default',
      labels: childLabels(run),
      ...(whenDeleted === 'Delete' ? { ownerReferences: [ownerReference(run)] } : {}),
    },
    spec,
  } as KubeObject;
}
