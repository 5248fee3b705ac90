import type { KubeClient } from '../../operator/kube/client.ts';

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

/** Who asks, as the API server knows it. */
export interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
}

interface ResourceList {
  readonly resources: readonly { readonly name: string }[];
}

interface GroupList {
  readonly groups: readonly { readonly name: string; readonly preferredVersion: { readonly groupVersion: string } }[];
}

export function serviceAccount(namespace: string, name: string): Subject {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { user: `system:serviceaccount:${namespace}:${name}`, groups };
}

/** Whether a subject may do something: `kubectl auth can-i <verb> <group/resource>`, with the group `core` for the one without a name. */
export async function may(
  client: KubeClient,
  { user, groups }: Subject,
  verb: string,
  resource: string,
  { namespace, name }: { namespace?: string | undefined; name?: string | undefined } = {},
): Promise<boolean> {
  const [group, plural, subresource] = resource.split('/');
  const attributes = { verb, group: group === 'core' ? '' : group, resource: plural, subresource, namespace, name };
  const review = { spec: { user, groups, resourceAttributes: attributes } };
  const answer: { status: { allowed: boolean } } = await client.send(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    { body: review },
  );
  return answer.status.allowed;
}

/** All that a subject may do in a namespace, of all verbs and resources that the API server has, as `<group/resource>: <verbs>`. */
export async function rightsOf(client: KubeClient, subject: Subject, namespace: string): Promise<string[]> {
  const resources = await allResources(client);
  const rights = await Promise.all(
    resources.map(async (resource) => {
      const allowed = await Promise.all(VERBS.map((verb) => may(client, subject, verb, resource, { namespace })));
      const verbs = VERBS.filter((_, index) => allowed[index]);
      return verbs.length === 0 ? [] : [`${resource}: ${verbs.join(' ')}`];
    }),
  );
  return rights.flat().sort();
}

async function allResources(client: KubeClient): Promise<string[]> {
  const { groups }: GroupList = await client.send('GET', '/apis');
  const paths = [
    ['core', '/api/v1'],
    ...groups.map(({ name, preferredVersion }) => [name, `/apis/${preferredVersion.groupVersion}`]),
  ] as const;
  const lists = await Promise.all(
    paths.map(async ([group, path]) => {
      const { resources }: ResourceList = await client.send('GET', path ?? '');
      // Finalizers are no resource of their own, but a right to change them is asked for like one.
      return resources.flatMap(({ name }) => [
        `${group}/${name}`,
        ...(name.includes('/') ? [] : [`${group}/${name}/finalizers`]),
      ]);
    }),
  );
  return lists.flat();
}
