import { z } from 'zod';
import { count, listByKey, text } from './fields.ts';
import { Quantity } from './quantity.ts';

const ResourceName = text(316);
const Quantities = z.record(ResourceName, Quantity);

/** An object of the core/v1 API that is handed on to the pods as it is. */
const PassThrough = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });

export const Resources = z
  .strictObject({
    requests: Quantities.optional().describe('Resources that the scheduler sets aside for the pod.'),
    limits: Quantities.optional().describe('Most that the pod may use. Devices such as nvidia.com/gpu go here.'),
  })
  .describe('Resources of the container, as in core/v1.');

const Toleration = z.strictObject({
  key: z.string().max(316).optional().describe('Taint key; empty with operator Exists matches every taint.'),
  operator: z.enum(['Exists', 'Equal', 'Lt', 'Gt']).optional().describe('How value is compared. Default: Equal.'),
  value: z.string().max(63).optional().describe('Taint value.'),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .optional()
    .describe('Taint effect; every effect when absent.'),
  tolerationSeconds: z.int().optional().describe('For NoExecute: how long the pod stays on the tainted node.'),
});

const EnvVar = z.strictObject({
  name: text(253).describe('Name of the environment variable.'),
  value: z.string().max(32_768).optional().describe('Its value.'),
  valueFrom: PassThrough.optional().describe(
    'Where its value comes from, as in core/v1: a Secret, a ConfigMap, a field of the pod.',
  ),
});

const LocalObjectReference = z.strictObject({
  name: text(253).describe('Name of the Secret, in the namespace of the run.'),
});

export const PodsSpec = z
  .strictObject({
    image: text(1024).optional().describe("Container image of the trainer. Default: the operator's own choice."),
    resources: Resources.prefault({}),
    nodeSelector: z.record(text(316), z.string().max(63)).optional().describe('Labels that a node must have.'),
    tolerations: z
      .array(Toleration)
      .max(64)
      .optional()
      .describe('Taints that the pods tolerate.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    affinity: PassThrough.optional().describe('Affinity of the pods, as in core/v1.'),
    priorityClassName: text(253).optional().describe('PriorityClass of the pods.'),
    runtimeClassName: text(253).optional().describe('RuntimeClass of the pods, for example nvidia.'),
    env: listByKey(EnvVar, 'name', 128).optional().describe('Environment variables of the container.'),
    envFrom: z
      .array(PassThrough)
      .max(64)
      .optional()
      .describe('ConfigMaps and Secrets whose keys become environment variables, as in core/v1.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    imagePullSecrets: listByKey(LocalObjectReference, 'name', 16)
      .optional()
      .describe('Secrets to pull the image with.'),
  })
  .describe(
    'Settings of the pods, for stages and GPUs. A change counts for stages that start later. Local runs ignore them.',
  );

/** How a run is carried out: fields that mean the same as in batch/v1 and Kubeflow's TrainJob, and go by the same names. */
export const runPolicyShape = {
  suspend: z
    .boolean()
    .default(false)
    .describe('Stop the pods of this run and start no new ones. Finished work is kept; false goes on.'),
  backoffLimit: count(0).default(3).describe('Retries of a failed stage before the run fails.'),
  activeDeadlineSeconds: count()
    .optional()
    .describe('The run fails when it has been active for so long. Time in suspension does not count.'),
  ttlSecondsAfterFinished: count(0)
    .optional()
    .describe('The run is deleted so long after it has finished. Default: never.'),
  queueName: text(253).optional().describe('Kueue LocalQueue that admits the pods of this run.'),
};

export type Resources = z.output<typeof Resources>;
export type PodsSpec = z.output<typeof PodsSpec>;
