import type { Condition } from '../../crds/cftrun.ts';

export type ConditionType = 'Accepted' | 'Running' | 'Suspended' | 'PodsPending' | 'Succeeded' | 'Failed';

/** A condition without what it takes from its surroundings. */
export interface ConditionDraft {
  readonly type: ConditionType;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

const MAX_MESSAGE = 32_768;

/** The list with the condition set: the time of its transition changes only when its status does (metav1.Condition). */
export function setCondition(
  conditions: readonly Condition[],
  draft: ConditionDraft,
  { now, generation }: { readonly now: Date; readonly generation: number | undefined },
): Condition[] {
  const before = conditions.find(({ type }) => type === draft.type);
  const condition: Condition = {
    ...draft,
    message: draft.message.slice(0, MAX_MESSAGE),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: before?.status === draft.status ? before.lastTransitionTime : timestamp(now),
  };
  return before === undefined
    ? [...conditions, condition]
    : conditions.map((other) => (other === before ? condition : other));
}

/** Whether a condition of a type is there and true. */
export function isTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return conditionOf(conditions, type)?.status === 'True';
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** A time as metav1.Time has it: whole seconds, UTC. */
export function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
