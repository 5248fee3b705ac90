import type { Stage } from '../../crds/stage.ts';

/** Where a stage stands. */
export type Phase = 'pending' | 'running' | 'succeeded' | 'failed';

/**
 * The stages to start now, in the plan's order: those that wait for nothing, as many as there is room for; none once a stage has failed.
 *
 * @param parallel stages that may run at the same time
 */
export function nextStages(stages: readonly Stage[], phaseOf: (name: string) => Phase, parallel: number): Stage[] {
  const phases = stages.map(({ name }) => phaseOf(name));
  if (phases.includes('failed')) return [];
  const room = parallel - phases.filter((phase) => phase === 'running').length;
  const ready = stages.filter(
    ({ name, dependsOn }) =>
      phaseOf(name) === 'pending' && dependsOn.every((dependency) => phaseOf(dependency) === 'succeeded'),
  );
  return ready.slice(0, Math.max(0, room));
}
