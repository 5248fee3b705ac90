import type { World } from './world.ts';

interface RulesReview {
  readonly status: {
    readonly incomplete: boolean;
    readonly resourceRules: readonly {
      readonly verbs: readonly string[];
      readonly apiGroups: readonly string[];
      readonly resources: readonly string[];
      readonly resourceNames?: readonly string[];
    }[];
  };
}

/** Name of a ServiceAccount as a user. */
export function userOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** All that a user may do in a namespace, as the API server's authorizer says: `<group>/<resource>: <verbs>`, sorted. */
export function rightsOf(world: World, user: string, namespace: string): string[] {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  const answer = world.kubectl(
    ['create', '--validate=false', '--as', user, '-o', 'json', '-f', '-'],
    JSON.stringify(review),
  );
  const { status }: RulesReview = JSON.parse(answer);
  if (status.incomplete) throw new Error(`not all rights of ${user} are known`);
  const rights = status.resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames = [] }) =>
    apiGroups.flatMap((group) =>
      resources.map((resource) => {
        const names = resourceNames.length === 0 ? '' : ` ${resourceNames.join(' ')}`;
        return `${group === '' ? 'core' : group}/${resource}${names}: ${verbs.join(' ')}`;
      }),
    ),
  );
  return rights.sort();
}

/** Whether a user may do something, by `kubectl auth can-i`. */
export function may(world: World, user: string, verb: string, resource: string, namespace: string): boolean {
  try {
    return world.kubectl(['auth', 'can-i', verb, resource, '-n', namespace, '--as', user]).trim() === 'yes';
  } catch {
    return false;
  }
}
