import { createHash } from 'node:crypto';
import type { Stage, StageKind } from './stage.ts';

/** Parameters that change how fast or how safely a stage works, or what it warns of, not what comes out: a finished stage stays finished when they change. */
const RESULT_NEUTRAL: Readonly<Record<StageKind, readonly string[]>> = {
  generate: ['batchSize'],
  annotate: ['batchSize'],
  train: ['checkpointEverySteps', 'gradientCheckpointing', 'packing'],
  evaluate: ['batchSize', 'trainingData'],
  report: [],
};

/**
 * Digest of all that decides a stage's result: kind, parameters, and the digests of the stages that it depends on. So a change in the
 * manifest reaches every stage that it concerns, and no other: a new variant leaves the finished trials of the others as they are.
 *
 * @param params parameters with sources in a form that does not change when the run's directory is moved together with them
 * @param dependencies digests of the stages depended on
 */
export function stageDigest(kind: StageKind, params: Stage['params'], dependencies: readonly string[]): string {
  const neutral = RESULT_NEUTRAL[kind];
  const relevant = Object.fromEntries(Object.entries(params).filter(([name]) => !neutral.includes(name)));
  const content = canonicalJson({ kind, params: relevant, dependencies: [...dependencies].sort() });
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** JSON with the keys of every object in order, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
