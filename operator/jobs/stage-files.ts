import { createHash } from 'node:crypto';
import type { CftRun } from '../../crds/cftrun.ts';
import type { Stage } from '../../crds/stage.ts';
import type { ConfigMap } from '../kube/objects.ts';
import { isIndexed, type StageGroup } from './groups.ts';
import { childLabels, childName, ownerReference } from './names.ts';

/** Most bytes of stage files in one ConfigMap: the API server takes 1 MiB, all other fields included. */
const MAX_BYTES = 900_000;

/** A run's stage files: the ConfigMaps that hold them, and which of them holds what. */
export interface StageFiles {
  readonly configMaps: readonly ConfigMap[];
  /** File name to the name of its ConfigMap. */
  readonly whereabouts: ReadonlyMap<string, string>;
}

/** File of a stage. That of a shard ends in its index as Kubernetes writes it, so that `$(JOB_COMPLETION_INDEX)` completes it. */
export function stageFile(group: StageGroup, index: number): string {
  return isIndexed(group) ? `${group.name}-${index}.json` : `${group.name}.json`;
}

/**
 * The ConfigMaps with the stages of a run: immutable, and named by their content, so that a pod that waits to start never sees the stage
 * of a manifest that was changed since.
 */
export function stageFiles(run: CftRun, groups: readonly StageGroup[]): StageFiles {
  const files = groups.flatMap((group) =>
    group.stages.map((stage: Stage, index) => [stageFile(group, index), JSON.stringify(stage)] as const),
  );
  const chunks: (readonly [string, string])[][] = [[]];
  let bytes = 0;
  for (const file of files) {
    const size = Buffer.byteLength(file[0]) + Buffer.byteLength(file[1]);
    if (bytes + size > MAX_BYTES && bytes > 0) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(file);
    bytes += size;
  }
  const configMaps = chunks.map((chunk) => configMap(run, Object.fromEntries(chunk)));
  const whereabouts = new Map(
    configMaps.flatMap(({ metadata, data = {} }) => Object.keys(data).map((file) => [file, metadata.name] as const)),
  );
  return { configMaps, whereabouts };
}

function configMap(run: CftRun, data: Record<string, string>): ConfigMap {
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex');
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: childName(run, 'stages', digest),
      namespace: run.metadata.namespace ?? 'default',
      labels: childLabels(run),
      ownerReferences: [ownerReference(run)],
    },
    immutable: true,
    data,
  };
}
