import type { Stage, StageResult } from '../../crds/stage.ts';
import { SMALL_SPEC } from '../../operator/testdata/facts.ts';
import type { Outcome } from './world.ts';

/** A run with two shards, one variant and one data set: six Jobs, eight pods. */
export function manifest(name: string, more: object = {}) {
  return {
    apiVersion: 'cft.dev/v1alpha1',
    kind: 'CftRun',
    metadata: { name },
    spec: { ...SMALL_SPEC, ...more },
  };
}

/** The Jobs of such a run, by the group that they do. */
export const GROUPS = ['annotate', 'evaluate-base', 'evaluate-cft', 'generate', 'report', 'train-cft-lr1e-5-s0'];

const METRICS: Readonly<Record<Stage['kind'], Record<string, number>>> = {
  generate: { questions: 10, correct: 8, accuracy: 0.8 },
  annotate: { responses: 8, tokens: 400, criticalRatio: 0.125, entropy: 0.4, entropyCritical: 0.9, entropyOther: 0.3 },
  train: { validationAccuracy: 0.7, validationLoss: 0.2, tokensTrained: 50 },
  evaluate: { accuracy: 0.75, passAt1: 0.7, passAt8: 0.9, entropy: 0.35 },
  report: {},
};

/** What a stage that succeeded leaves behind. */
export function result(stage: Stage, more: Partial<StageResult> = {}): StageResult {
  return {
    stage: stage.name,
    kind: stage.kind,
    digest: stage.digest,
    status: 'succeeded',
    startTime: new Date().toISOString(),
    completionTime: new Date().toISOString(),
    metrics: METRICS[stage.kind],
    artifacts: stage.kind === 'report' ? { report: 'report/index.html' } : {},
    ...more,
  };
}

export const succeed = (stage: Stage): Outcome => ({ exitCode: 0, result: result(stage) });

/** An end of a stage with an exit status and a message of its own. */
export function fail(stage: Stage, exitCode: number, message: string): Outcome {
  return { exitCode, result: result(stage, { status: 'failed', message, metrics: {} }) };
}
