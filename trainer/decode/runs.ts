/** Part of a sequence that goes through the model in one run of a program. */
export interface Run<T> {
  readonly item: T;
  /** Place of the first token in its sequence. */
  readonly start: number;
  readonly ids: readonly number[];
}

/** Runs that go through the model together, padded to the program's shape. */
export interface RunBatch<T> {
  readonly runs: readonly Run<T>[];
  /** [width * length] tokens and their places. A short run repeats its last token, a missing one the last run. */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
}

/**
 * Cuts sequences into runs of at most `length` tokens and puts up to `width` of them into a batch. The first runs of all sequences come
 * before their second ones: a sequence's runs must be computed in order.
 */
export function runBatches<T extends { readonly ids: readonly number[] }>(
  items: readonly T[],
  width: number,
  length: number,
): RunBatch<T>[] {
  const longest = items.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const batches: RunBatch<T>[] = [];
  for (let start = 0; start < longest; start += length) {
    const runs = items
      .filter(({ ids }) => ids.length > start)
      .map((item) => ({ item, start, ids: item.ids.slice(start, start + length) }));
    for (let first = 0; first < runs.length; first += width)
      batches.push(padded(runs.slice(first, first + width), width, length));
  }
  return batches;
}

function padded<T>(runs: readonly Run<T>[], width: number, length: number): RunBatch<T> {
  const ids = new Int32Array(width * length);
  const positions = new Int32Array(width * length);
  for (let row = 0; row < width; row++) {
    const run = runs[Math.min(row, runs.length - 1)] as Run<T>;
    for (let t = 0; t < length; t++) {
      const place = Math.min(t, run.ids.length - 1);
      ids[row * length + t] = run.ids[place] as number;
      positions[row * length + t] = run.start + place;
    }
  }
  return { runs, ids, positions };
}

/** The places of a batch for a program that leaves out what is at place -1: that of the padding. */
export function placesWithoutPadding({ runs, positions }: RunBatch<unknown>, length: number): Int32Array {
  return positions.map((position, row) => {
    const own = runs[Math.floor(row / length)]?.ids.length ?? 0;
    return row % length < own ? position : -1;
  });
}

/** A value for each of a batch's runs, padded as the batch is. */
export function padList(values: readonly number[], width: number): Int32Array {
  return Int32Array.from({ length: width }, (_, i) => values[Math.min(i, values.length - 1)] ?? 0);
}
