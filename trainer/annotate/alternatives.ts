/** So many of the likeliest tokens are looked at: two alternatives, the token itself, and one more, to see how close it was. */
export const CHOICES = 4;

export interface Alternative {
  readonly rank: 2 | 3;
  readonly id: number;
  readonly logprob: number;
}

/**
 * The tokens to try in place of `token`: the two most likely others. For a token that the model itself would choose these
 * are its 2nd and 3rd choice; for one that it would not, its first two.
 *
 * @param top the most likely tokens, at least three, likeliest first, ties by lower id
 */
export function alternativesTo(
  token: number,
  top: readonly { readonly id: number; readonly logprob: number }[],
): Alternative[] {
  return top
    .filter(({ id }) => id !== token)
    .slice(0, 2)
    .map(({ id, logprob }, index) => ({ rank: index === 0 ? 2 : 3, id, logprob }));
}
