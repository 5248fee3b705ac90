/** So many of the likeliest tokens the alternatives are chosen from: one of them may be the token itself. */
export const CHOICES = 3;

export interface Alternative {
  readonly rank: 2 | 3;
  readonly id: number;
  readonly logprob: number;
}

/**
 * The tokens to try in place of `token`: the two most likely others. For a token that the model itself would choose these
 * are its 2nd and 3rd choice; for one that it would not, its first two.
 *
 * @param top the three most likely tokens, likeliest first, ties by lower id
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
