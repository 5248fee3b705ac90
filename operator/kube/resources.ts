/** Where a kind of object is found in the API. */
export interface Resource {
  /** Path of its group and version, such as `/apis/batch/v1`. */
  readonly base: string;
  readonly plural: string;
}

export const CFT_RUNS: Resource = { base: '/apis/cft.dev/v1alpha1', plural: 'cftruns' };
export const JOBS: Resource = { base: '/apis/batch/v1', plural: 'jobs' };
export const PODS: Resource = { base: '/api/v1', plural: 'pods' };
export const CLAIMS: Resource = { base: '/api/v1', plural: 'persistentvolumeclaims' };
export const CONFIG_MAPS: Resource = { base: '/api/v1', plural: 'configmaps' };
export const EVENTS: Resource = { base: '/apis/events.k8s.io/v1', plural: 'events' };
export const LEASES: Resource = { base: '/apis/coordination.k8s.io/v1', plural: 'leases' };

/** Path of all objects of a kind, in a namespace or, without one, in the cluster. */
export function collectionPath({ base, plural }: Resource, namespace: string | undefined): string {
  return namespace === undefined
    ? `${base}/${plural}`
    : `${base}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object. */
export function objectPath(resource: Resource, namespace: string, name: string): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}
