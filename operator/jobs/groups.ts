import { claimOfSource, sourcesIn } from '../../crds/source.ts';
import type { Stage, StageKind } from '../../crds/stage.ts';

/** Stages that one Job does: the shards of a kind, each by its own index, or a single stage. */
export interface StageGroup {
  /** Name in the run, such as `annotate` or `train-cft-lr1e-5-s0`. */
  readonly name: string;
  readonly kind: StageKind;
  /** In the order of the indexes. */
  readonly stages: readonly Stage[];
  /** Names of the groups that must have succeeded before. */
  readonly dependsOn: readonly string[];
  /** The claims that its stages read `pvc://` sources from, beside the run's own; by name. */
  readonly claims: readonly string[];
}

/** The groups of a plan, in its order: one for all shards of generate, one for those of annotate, and one for each other stage. */
export function groupStages(stages: readonly Stage[]): StageGroup[] {
  const members = new Map<string, Stage[]>();
  for (const stage of stages) {
    const name = groupName(stage);
    const group = members.get(name);
    if (group === undefined) members.set(name, [stage]);
    else group.push(stage);
  }
  const groupOf = new Map(stages.map((stage) => [stage.name, groupName(stage)]));
  return [...members].map(([name, group]) => ({
    name,
    kind: (group[0] as Stage).kind,
    stages: group,
    dependsOn: [...new Set(group.flatMap(({ dependsOn }) => dependsOn.map((stage) => groupOf.get(stage) ?? stage)))],
    claims: claimsOf(group),
  }));
}

/** Whether a group's Job counts its pods by index. */
export function isIndexed(group: Pick<StageGroup, 'kind'>): boolean {
  return group.kind === 'generate' || group.kind === 'annotate';
}

function claimsOf(stages: readonly Stage[]): string[] {
  const claims = sourcesIn(stages).flatMap(({ source }) => claimOfSource(source) ?? []);
  return [...new Set(claims)].sort();
}

function groupName(stage: Stage): string {
  return isIndexed(stage) ? stage.kind : stage.name;
}
