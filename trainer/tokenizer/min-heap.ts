/** Numbers of which the smallest comes out first; in and out in the logarithm of their count. */
export class MinHeap {
  readonly #values: number[] = [];

  push(value: number): void {
    const values = this.#values;
    let at = values.length;
    for (let parent = (at - 1) >> 1; at > 0 && (values[parent] as number) > value; parent = (at - 1) >> 1) {
      values[at] = values[parent] as number;
      at = parent;
    }
    values[at] = value;
  }

  /** Undefined when there is none left. */
  pop(): number | undefined {
    const values = this.#values;
    const smallest = values[0];
    const last = values.pop();
    if (last === undefined || values.length === 0) return smallest;
    let at = 0;
    for (let child = 1; child < values.length; child = 2 * at + 1) {
      if (child + 1 < values.length && (values[child + 1] as number) < (values[child] as number)) child++;
      if ((values[child] as number) >= last) break;
      values[at] = values[child] as number;
      at = child;
    }
    values[at] = last;
    return smallest;
  }
}
