/**
 * A pure function of a text that keeps its results.
 *
 * @param most results kept at the same time; default: all, for texts of which there are only so many
 */
export function remembered<T>(compute: (text: string) => T, most = Number.POSITIVE_INFINITY): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (known.has(text)) return known.get(text) as T;
    const result = compute(text);
    if (known.size >= most) known.clear();
    known.set(text, result);
    return result;
  };
}
