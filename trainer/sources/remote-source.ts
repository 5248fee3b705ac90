import { isLocalSource } from '../../crds/source.ts';
import type { Stage } from '../../crds/stage.ts';

/** Whether a stage has a source that must be fetched. */
export function hasRemoteSource(stage: Stage): boolean {
  const specs = Object.values(stage.params).flat() as ({ source?: unknown } | null)[];
  return specs.some((spec) => typeof spec?.source === 'string' && !isLocalSource(spec.source));
}
