import { MinHeap } from './min-heap.ts';

/** Two tokens that become one when they stand side by side. */
export type Merge = string | readonly [string, string];

/** What a merge makes of its two tokens. @param prefix what stands before each token but a word's first */
export function mergedToken(left: string, right: string, prefix: string): string {
  return left + (right.startsWith(prefix) ? right.slice(prefix.length) : right);
}

/** More than a text has places: a merge's rank and a place share a number. */
const PLACES = 2 ** 30;

/**
 * A function that joins neighbouring tokens of a word: of all that have a merge those of the earliest one, the leftmost first, until none are
 * left. It takes n log n for n tokens.
 *
 * @param tokens the vocabulary, which has the tokens of all merges and what they make
 * @param merges in the order of their learning
 */
export function createMerging(
  tokens: Iterable<string>,
  merges: readonly Merge[],
  prefix: string,
): (word: readonly string[]) => readonly string[] {
  const names = [...tokens];
  const numbers = new Map(names.map((name, number) => [name, number]));
  const numberOf = (name: string) => numbers.get(name) as number;
  const ranks = new Map<number, number>();
  const rankOf = (left: number, right: number) => ranks.get(left * names.length + right);
  const results = merges.map((merge, rank) => {
    const [left, right] = (typeof merge === 'string' ? merge.split(' ') : merge) as [string, string];
    ranks.set(numberOf(left) * names.length + numberOf(right), rank);
    return numberOf(mergedToken(left, right, prefix));
  });

  return (word) => {
    if (word.length < 2) return word;
    // A linked list: a place that has been joined to the one before it holds `GONE`.
    const symbols = word.map(numberOf);
    const next = word.map((_, place) => place + 1);
    const previous = word.map((_, place) => place - 1);
    const heap = new MinHeap();
    const rankAt = (place: number): number | undefined => {
      const after = next[place] as number;
      return after < symbols.length ? rankOf(symbols[place] as number, symbols[after] as number) : undefined;
    };
    const offer = (place: number) => {
      const rank = rankAt(place);
      if (rank !== undefined) heap.push(rank * PLACES + place);
    };
    for (let place = 0; place < symbols.length - 1; place++) offer(place);
    for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
      const place = entry % PLACES;
      const rank = Math.floor(entry / PLACES);
      // Neighbours may have changed since they were offered.
      if (symbols[place] === GONE || rankAt(place) !== rank) continue;
      const right = next[place] as number;
      const after = next[right] as number;
      symbols[place] = results[rank] as number;
      symbols[right] = GONE;
      next[place] = after;
      if (after < symbols.length) previous[after] = place;
      if (place > 0) offer(previous[place] as number);
      offer(place);
    }
    return symbols.filter((symbol) => symbol !== GONE).map((symbol) => names[symbol] as string);
  };
}

const GONE = -1;
