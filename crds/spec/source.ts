import { text } from './fields.ts';
import type { Rule } from './rule.ts';

/** Where a model, a data set or annotations lie. A local path is relative to the manifest's folder. */
export const Source = text(1024);

const WHERE_FROM =
  "A relative path starts at the folder of the manifest, in a cluster at the root of the run's volume. hf://owner/name@revision and s3://bucket/prefix addresses are fetched first. pvc://claim/path is a path in a claim of the run's namespace, mounted read-only unless it is the run's own; in a cluster only.";

/** The description of a source: what lies there, and how it may be written. */
export function sourceOf(what: string): typeof Source {
  return Source.describe(`${what} ${WHERE_FROM}`);
}

/** A name of a claim as Kubernetes takes it, before the path. */
const CLAIM_SOURCE = '^pvc://[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(/.*)?$';
const claimSource = new RegExp(CLAIM_SOURCE);

/** The rule of every object that has a source. */
export const sourceRule: Rule<{ source: string }> = {
  cel: `!self.source.startsWith('pvc:') || self.source.matches('${CLAIM_SOURCE}')`,
  message: 'must be pvc://claim/path, with the name of a claim',
  field: 'source',
  reads: ['source'],
  test: ({ source }) => !source.startsWith('pvc:') || claimSource.test(source),
};
