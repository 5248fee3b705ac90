import type { CftRun } from '../../crds/cftrun.ts';
import { claimNameOf } from './claim.ts';
import { isIndexed, type StageGroup } from './groups.ts';
import { claimMount, STAGE_MOUNT, STORAGE_MOUNT } from './place.ts';
import { type StageFiles, stageFile } from './stage-files.ts';

/** Name of the container that does the stage. */
export const CONTAINER = 'trainer';

/** Port on which a stage serves metrics, health and progress. */
export const METRICS_PORT = 9090;

const TERMINATION_MESSAGE_PATH = '/dev/termination-log';

/** Time that a stage that is to stop gets to save its state. */
const GRACE_SECONDS = 60;

/** User and group of the trainer's image, not root; also the group of the volume's files. */
const USER = 65_532;

/** The pod of a group's stages. It fits the `restricted` Pod Security level and has no access to the API. */
export function podSpec(
  run: CftRun,
  group: StageGroup,
  files: Pick<StageFiles, 'whereabouts'>,
  defaultImage: string,
): object {
  const { pods } = run.spec;
  const file = isIndexed(group) ? `${group.name}-$(JOB_COMPLETION_INDEX).json` : stageFile(group, 0);
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...present({
      nodeSelector: pods.nodeSelector,
      tolerations: pods.tolerations,
      affinity: pods.affinity,
      priorityClassName: pods.priorityClassName,
      runtimeClassName: pods.runtimeClassName,
      imagePullSecrets: pods.imagePullSecrets,
    }),
    containers: [
      {
        name: CONTAINER,
        image: pods.image ?? defaultImage,
        command: ['cft', group.kind, '--stage', `${STAGE_MOUNT}/${file}`],
        env: environment(pods.env ?? []),
        ...present({ envFrom: pods.envFrom }),
        resources: present({ requests: pods.resources.requests, limits: pods.resources.limits }),
        ports: [{ name: 'metrics', containerPort: METRICS_PORT, protocol: 'TCP' }],
        terminationMessagePath: TERMINATION_MESSAGE_PATH,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'storage', mountPath: STORAGE_MOUNT },
          { name: 'stages', mountPath: STAGE_MOUNT, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
          ...group.claims.map((claim, index) => ({
            name: claimVolume(index),
            mountPath: claimMount(claim),
            readOnly: true,
          })),
        ],
      },
    ],
    volumes: [
      { name: 'storage', persistentVolumeClaim: { claimName: claimNameOf(run) } },
      { name: 'stages', projected: { sources: fileSources(group, files) } },
      { name: 'tmp', emptyDir: {} },
      // Read-only as a volume too: else the kubelet gives its files, which others use as well, the group of this pod.
      ...group.claims.map((claimName, index) => ({
        name: claimVolume(index),
        persistentVolumeClaim: { claimName, readOnly: true },
      })),
    ],
  };
}

/** The name of a claim may be longer than that of a volume. */
function claimVolume(index: number): string {
  return `claim-${index}`;
}

/** The operator's variables, then the run's own, which may replace them. */
function environment(own: readonly { readonly name: string }[]): object[] {
  const base = [
    { name: 'CFT_TERMINATION_MESSAGE_PATH', value: TERMINATION_MESSAGE_PATH },
    { name: 'HOME', value: '/tmp' },
  ];
  return [...base.filter(({ name }) => !own.some((variable) => variable.name === name)), ...own];
}

/** The group's own stage files, from the ConfigMaps that hold them. */
function fileSources(group: StageGroup, { whereabouts }: Pick<StageFiles, 'whereabouts'>): object[] {
  const items = new Map<string, { key: string; path: string }[]>();
  for (const index of group.stages.keys()) {
    const file = stageFile(group, index);
    const name = whereabouts.get(file) ?? '';
    items.set(name, [...(items.get(name) ?? []), { key: file, path: file }]);
  }
  return [...items].map(([name, list]) => ({ configMap: { name, items: list } }));
}

/** An object without the fields that are undefined: the API has no null where a field is absent. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
