import type { CftRun } from '../../crds/cftrun.ts';
import { EXIT } from '../../crds/exit-codes.ts';
import type { Job } from '../kube/objects.ts';
import { isIndexed, type StageGroup } from './groups.ts';
import { childLabels, jobName, LABEL, ownerReference } from './names.ts';
import { CONTAINER, podSpec } from './pod.ts';
import type { StageFiles } from './stage-files.ts';

export interface JobSettings {
  /** Image of the trainer for runs that name none. */
  readonly image: string;
}

/** The Job that does a group's stages, at an attempt counted from 1. The same arguments give the same Job. */
export function stageJob(
  run: CftRun,
  group: StageGroup,
  attempt: number,
  files: Pick<StageFiles, 'whereabouts'>,
  settings: JobSettings,
): Job {
  const { backoffLimit, queueName } = run.spec;
  const labels = { ...childLabels(run), [LABEL.stage]: group.name, [LABEL.kind]: group.kind };
  const indexed = isIndexed(group);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(run, group.name, attempt),
      namespace: run.metadata.namespace ?? 'default',
      labels: {
        ...labels,
        [LABEL.attempt]: String(attempt),
        ...(queueName === undefined ? {} : { [LABEL.queue]: queueName }),
      },
      ownerReferences: [ownerReference(run)],
    },
    spec: {
      // Kueue starts it when there is room; from then on this field is Kueue's.
      ...(queueName === undefined ? {} : { suspend: true }),
      completionMode: indexed ? 'Indexed' : 'NonIndexed',
      completions: group.stages.length,
      parallelism: group.stages.length,
      ...(indexed ? { backoffLimitPerIndex: backoffLimit, maxFailedIndexes: 0 } : { backoffLimit }),
      podFailurePolicy: { rules: failureRules(indexed) },
      template: { metadata: { labels }, spec: podSpec(run, group, files, settings.image) },
    },
  };
}

/** An evicted or preempted pod is no failure of the stage; bad input would fail again in the same way. */
function failureRules(indexed: boolean): object[] {
  return [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    {
      action: indexed ? 'FailIndex' : 'FailJob',
      onExitCodes: { containerName: CONTAINER, operator: 'In', values: [EXIT.badInput] },
    },
  ];
}
