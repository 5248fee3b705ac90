/** Tokens that must be the same for a guess to be worth its computation: after fewer, most guesses are wrong. */
const CONTEXT = 2;

/**
 * A guess of how a sequence goes on that left another one somewhere: as the other one does after a place before which it has the same tokens
 * as the sequence's end, of several the nearest. Without such a place there is no guess.
 *
 * @param original   the sequence that was left
 * @param ids        the sequence so far
 * @param count      tokens to guess
 * @returns `count` tokens, or as many as the original has left
 */
export function draftFrom(original: readonly number[], ids: readonly number[], count: number): readonly number[] {
  let best = original.length;
  for (let place = CONTEXT; place < original.length; place++) {
    const isNearer = best === original.length || Math.abs(place - ids.length) < Math.abs(best - ids.length);
    if (isNearer && endsAlike(original, place, ids)) best = place;
  }
  return original.slice(best, best + count);
}

/** Whether the tokens before a place of the original are those that the sequence ends with. */
function endsAlike(original: readonly number[], place: number, ids: readonly number[]): boolean {
  if (ids.length < CONTEXT) return false;
  for (let back = 1; back <= CONTEXT; back++) if (original[place - back] !== ids[ids.length - back]) return false;
  return true;
}
