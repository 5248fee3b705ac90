import type { CftRunSpec } from './cftrun.ts';

/**
 * What a run's finished stages were made with, and where they lie: another value would mix two runs in one directory. The rest, how the
 * run is carried out, may change at any time: pods, suspend, backoffLimit, deadlines.
 */
const FIXED: readonly (keyof CftRunSpec)[] = [
  'model',
  'data',
  'verifier',
  'generate',
  'annotate',
  'training',
  'evaluation',
  'storage',
  'queueName',
];

/** Rules of the API server, on the whole object: those fields of the spec stay as they are once the first stage has started. */
export const immutableAfterStart = FIXED.map((field) => {
  const both = `has(self.spec.${field}) == has(oldSelf.spec.${field})`;
  const same = `(!has(self.spec.${field}) || self.spec.${field} == oldSelf.spec.${field})`;
  return {
    rule: `!has(oldSelf.status) || !has(oldSelf.status.startTime) || (${both} && ${same})`,
    message: `${field} cannot change once the run has started: make a new run`,
    fieldPath: `.spec.${field}`,
  };
});
