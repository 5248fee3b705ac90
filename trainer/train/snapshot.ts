import type { Program, Session, TypedArray, Variable } from '../tensor/session.ts';

/** Bytes of the variables that one program reads: what is on the host at once beside the result. */
const GROUP_BYTES = 256 * 2 ** 20;

/**
 * Declares programs that read many variables in few runs; one run for each variable costs far more where they are small.
 *
 * @returns a function that copies the variables' present values to the host, under the same names
 */
export function snapshotOf(
  session: Session,
  name: string,
  variables: ReadonlyMap<string, Variable>,
): () => Map<string, Float32Array> {
  const groups = groupsOf([...variables]).map((group, index) => readingProgram(session, `${name} ${index}`, group));
  return () => new Map(groups.flatMap((read) => read()));
}

function readingProgram(
  session: Session,
  name: string,
  group: readonly (readonly [string, Variable])[],
): () => [string, Float32Array][] {
  const program: Program<never, string> = session.program(name, {}, () =>
    Object.fromEntries(group.map(([, variable], index) => [`${index}`, variable.read()])),
  );
  return () => {
    const values: Record<string, TypedArray> = program.run({});
    return group.map(([key], index) => [key, Float32Array.from(values[index] as Float32Array)]);
  };
}

function groupsOf(variables: readonly (readonly [string, Variable])[]): (readonly [string, Variable])[][] {
  const groups: (readonly [string, Variable])[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const entry of variables) {
    const bytes = 4 * entry[1].shape.reduce((a, b) => a * b, 1);
    if (filled + bytes > GROUP_BYTES) {
      groups.push([]);
      filled = 0;
    }
    groups.at(-1)?.push(entry);
    filled += bytes;
  }
  return groups;
}
