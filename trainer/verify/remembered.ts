/** Results kept at the same time. */
const MOST = 1000;

/**
 * A pure function of a text that keeps its results: rollouts of a response are all held against the same reference, and state the same few
 * answers.
 */
export function remembered<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (known.has(text)) return known.get(text) as T;
    const result = compute(text);
    if (known.size >= MOST) known.clear();
    known.set(text, result);
    return result;
  };
}
