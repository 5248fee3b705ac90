import type { GroupView } from '../observe.ts';

/**
 * Groups whose Job is to be started for the first time: those that wait for nothing any more, in the plan's order. The pods of
 * a deleted run of the same name must have stopped: two pods must not work in one directory.
 */
export function groupsToStart(views: readonly GroupView[]): GroupView[] {
  const succeeded = new Set(views.filter(({ state }) => state === 'succeeded').map(({ group }) => group.name));
  return views.filter(
    ({ state, group, alivePods }) =>
      state === 'waiting' && alivePods.length === 0 && group.dependsOn.every((name) => succeeded.has(name)),
  );
}
