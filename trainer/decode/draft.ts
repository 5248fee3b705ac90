/** As many tokens behind a place are compared at most: more tell no more. */
const CONTEXT = 3;

/**
 * A guess of how a sequence goes on that left another one somewhere: as the other one does after the place that looks most like the
 * sequence's end, of several the nearest. Where none looks like it there is no guess: a wrong one costs its computation.
 *
 * @param original   the sequence that was left
 * @param ids        the sequence so far
 * @param count      tokens to guess
 * @returns `count` tokens, or as many as the original has left
 */
export function draftFrom(original: readonly number[], ids: readonly number[], count: number): readonly number[] {
  let [best, length] = [0, 0];
  for (let place = 1; place < original.length; place++) {
    const alike = commonEnd(original, place, ids);
    const isNearer = Math.abs(place - ids.length) < Math.abs(best - ids.length);
    if (alike > length || (alike === length && alike > 0 && isNearer)) [best, length] = [place, alike];
  }
  return length === 0 ? [] : original.slice(best, best + count);
}

/** How many tokens before a place of the original are those that the sequence ends with, CONTEXT at most. */
function commonEnd(original: readonly number[], place: number, ids: readonly number[]): number {
  let length = 0;
  while (length < Math.min(CONTEXT, place, ids.length) && original[place - 1 - length] === ids[ids.length - 1 - length])
    length++;
  return length;
}
